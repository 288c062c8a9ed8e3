using System.Runtime.InteropServices;
using Rls3.Gym.Core;
using Rls3.Gym.Host;
using Rls3.Gym.Protocol;
using Rls3.Gym.Transport;

try
{
    var arguments = HostArguments.Parse(args);
    if (arguments.Help)
    {
        Console.WriteLine(HostArguments.Usage);
        return 0;
    }
    var catalog = CatalogReader.Load(Catalogs.Find(arguments.World));
    IReadOnlyList<TensorSpec> diagnostic = arguments.TopView ? [TopView.Spec] : [];
    var definition = RoomsEnvironment.Define(catalog, diagnostic, _ => arguments.TopView ? new TopView() : null);
    var options = new HostOptions
    {
        EnvCount = arguments.Envs,
        PingPeriodMs = arguments.PingPeriodMs,
        Token = arguments.Token,
        Package = "rls3-gym-host/" + EnvironmentHost.PackageVersion,
    };
    var serve = new ServeOptions(arguments.Endpoint, arguments.Connect) { Keys = arguments.Keys == null ? null : GymKeys.Read(arguments.Keys) };
    serve.Once |= arguments.Once;
    // Otherwise the process would keep the memory of a client's huge frames for good.
    serve.AfterLarge = () => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, true, true);

    using var server = GymServer.Start(definition, options, serve, null);
    using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Stop(signal, server));
    using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Stop(signal, server));
    Console.WriteLine($"serving {definition.Name}, environments: {options.EnvCount}, at {server.Endpoint}");
    server.WaitForEnd();
    if (server.Failure != null)
    {
        throw server.Failure;
    }
    return 0;
}
catch (Exception error) when (error is ConfigurationException or CatalogException)
{
    Console.Error.WriteLine(error.Message);
    return 2;
}

static void Stop(PosixSignalContext signal, GymServer server)
{
    // The process ends by itself with the socket closed, as after its session.
    signal.Cancel = true;
    server.Dispose();
}
