using System.Reflection;
using System.Runtime.InteropServices;
using UnityEngine;
using UnityEngine.StandIn;

// rls3-gym-stand-in [--nographics] [--built-in] [--scene FILE] and a player's own arguments (--bind, --connect, --envs, …).
// The scene is the project's first one unless another is named.
// It ends with the server's exit code, with 0 if it is told to end, and with 3 if the log has an error.
var scene = Array.IndexOf(args, "--scene");
var project = typeof(Program).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "Project").Value!;
Player.Start(new PlayerOptions
{
    Editor = false,
    BatchMode = true,
    Graphics = !args.Contains("--nographics"),
    Scriptable = !args.Contains("--built-in"),
    DataPath = Path.Combine(project, "Assets"),
    StreamingAssetsPath = Path.Combine(AppContext.BaseDirectory, "StreamingAssets"),
    Resources = Path.Combine(project, "Packages/com.rls3.gym/Runtime/Engine/Resources"),
});
Application.logMessageReceivedThreaded += Print;
var told = false;
using (PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop))
using (PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop))
{
    SceneFile.Open(scene < 0 ? Path.Combine(project, "Assets/Scenes/Bootstrap.unity") : args[scene + 1], project);
    while (!Volatile.Read(ref told) && Player.ExitCode == null)
    {
        Player.Frame();
    }
}
Application.logMessageReceivedThreaded -= Print;
var before = Player.Log.Count;
Player.Quit();
foreach (var line in Player.Log.Skip(before))
{
    Print(line.Message, "", line.Type);
}
return Player.ExitCode is int code and not 0 ? code : Player.Errors.Any() ? 3 : 0;

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    Volatile.Write(ref told, true);
}

static void Print(string message, string stack, LogType type)
{
    var error = type is LogType.Error or LogType.Exception;
    (error ? Console.Error : Console.Out).WriteLine(message);
}
