using System.Globalization;
using Rls3.Gym.Transport;

namespace Rls3.Gym.Host;

/// <summary>The command line; options that `rls3 env serve` has too mean the same.</summary>
internal sealed class HostArguments
{
    public const string Usage = """
        rls3-gym-host --bind ENDPOINT | --connect ENDPOINT [options]
        The rooms without an engine: states, rewards and hashes as Unity and the trainer's own environment give them; no images.
          --bind tcp://127.0.0.1:5005   wait for clients here; port * takes a free one
          --connect ENDPOINT            connect to a client that has bound, and end with its session
          --envs N                      environments in this process (1)
          --world NAME|FILE             a catalog that ships (rooms) or a file
          --keys FILE                   CURVE keys and token; needed beyond loopback
          --token TEXT                  ask clients for this token on loopback too; not beside --keys
          --once                        end after the first session
          --ping-period MS              a client silent for three of these has left (5000)
          --diagnostic-top-view         an observation diagnostic_top_view, 64 x 64: a floor plan, not a camera
        """;

    public string Endpoint { get; private set; } = "";

    public bool Connect { get; private set; }

    public int Envs { get; private set; } = 1;

    public string World { get; private set; } = "rooms";

    public string? Keys { get; private set; }

    public string? Token { get; private set; }

    public bool Once { get; private set; }

    public int PingPeriodMs { get; private set; } = 5000;

    public bool TopView { get; private set; }

    public bool Help { get; private set; }

    public static HostArguments Parse(string[] args)
    {
        var parsed = new HostArguments();
        for (var i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--bind":
                    parsed.Serve(Next(args, ref i), false);
                    break;
                case "--connect":
                    parsed.Serve(Next(args, ref i), true);
                    break;
                case "--envs":
                    parsed.Envs = Integer(args, ref i, 1, 65535);
                    break;
                case "--world":
                    parsed.World = Next(args, ref i);
                    break;
                case "--keys":
                    parsed.Keys = Next(args, ref i);
                    break;
                case "--token":
                    parsed.Token = Next(args, ref i);
                    break;
                case "--once":
                    parsed.Once = true;
                    break;
                case "--ping-period":
                    parsed.PingPeriodMs = Integer(args, ref i, 10, 3_600_000);
                    break;
                case "--diagnostic-top-view":
                    parsed.TopView = true;
                    break;
                case "--help":
                    parsed.Help = true;
                    break;
                default:
                    throw new ConfigurationException($"unknown argument {args[i]}; --help lists them");
            }
        }
        if (parsed.Token != null && parsed.Keys != null)
        {
            throw new ConfigurationException("--keys and --token are not given together: a keys file brings its own token");
        }
        if (parsed.Token?.Length == 0)
        {
            throw new ConfigurationException("token is empty; leave --token out to serve without one");
        }
        if (parsed.Endpoint.Length == 0 && !parsed.Help)
        {
            throw new ConfigurationException("say where: --bind tcp://127.0.0.1:5005 to wait for clients, or --connect ENDPOINT");
        }
        return parsed;
    }

    private void Serve(string endpoint, bool connect)
    {
        if (Endpoint.Length > 0)
        {
            throw new ConfigurationException("--bind and --connect are given once, and not both");
        }
        Endpoint = endpoint;
        Connect = connect;
    }

    private static string Next(string[] args, ref int i) =>
        i + 1 < args.Length ? args[++i] : throw new ConfigurationException($"{args[i]} needs a value");

    private static int Integer(string[] args, ref int i, int low, int high)
    {
        var name = args[i];
        var text = Next(args, ref i);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= low && value <= high
            ? value
            : throw new ConfigurationException($"{name} must be a whole number from {low} to {high}, not {text}");
    }
}
