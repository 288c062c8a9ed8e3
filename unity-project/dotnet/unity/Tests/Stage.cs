using System.Runtime.CompilerServices;
using Rls3.Gym.Editor;
using Rls3.Gym.Tests;
using UnityEditor;
using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.StandIn;
using Xunit;

namespace Rls3.Gym.Engine.Tests;

/// <summary>One at a time: there is one engine in a process.</summary>
[CollectionDefinition("engine", DisableParallelization = true)]
public sealed class EngineCollection;

/// <summary>
/// The stand-in for one test, as the Editor in Play unless told otherwise. Its end is the end of Play: nothing may be left
/// alive, and the log may have no error but those that the test expects.
/// </summary>
internal sealed class Stage : IDisposable
{
    private readonly List<string> expected = [];
    private bool quit;
    private bool failed;

    public Stage(Action<PlayerOptions>? change = null)
    {
        var options = new PlayerOptions
        {
            DataPath = Repository.PathOf("unity-project", "Assets"),
            StreamingAssetsPath = Repository.PathOf("unity-project", "Assets", "StreamingAssets"),
            PackagePath = Repository.PathOf("unity-project", "Packages", "com.rls3.gym"),
            Resources = Repository.PathOf("unity-project", "Packages", "com.rls3.gym", "Runtime", "Engine", "Resources"),
        };
        change?.Invoke(options);
        AppDomain.CurrentDomain.FirstChanceException += Notice;
        Player.Start(options);
        if (options.Editor)
        {
            LoadScripts();
        }
    }

    // ScriptReference InitializeOnLoadAttribute: the Editor does so whenever it has loaded scripts.
    private static void LoadScripts()
    {
        foreach (var type in typeof(GymBuild).Assembly.GetTypes().Where(type => type.IsDefined(typeof(InitializeOnLoadAttribute), false)))
        {
            RuntimeHelpers.RunClassConstructor(type.TypeHandle);
        }
    }

    /// <summary>A server on a free port, its settings made before it is switched on.</summary>
    public GymServerBehaviour Serve(Action<GymSettings>? change = null) => Serve<GymServerBehaviour>(change);

    public T Serve<T>(Action<GymSettings>? change = null)
        where T : GymServerBehaviour
    {
        var holder = new GameObject("server");
        holder.SetActive(false);
        var server = holder.AddComponent<T>();
        server.Settings.Endpoint = "tcp://127.0.0.1:*";
        change?.Invoke(server.Settings);
        holder.SetActive(true);
        return server;
    }

    /// <summary>Plays frames until the condition holds, for 20 s at most.</summary>
    public void PlayUntil(Func<bool> condition)
    {
        for (var until = Environment.TickCount64 + 20_000; !condition();)
        {
            Assert.True(Environment.TickCount64 < until, "it never was so");
            Player.Frame();
        }
    }

    /// <summary>Allows an error with this text in the log.</summary>
    public void Expect(string text) => expected.Add(text);

    /// <summary>The end of Play; the log then names what is left over.</summary>
    public void Quit()
    {
        quit = true;
        Player.Quit();
    }

    public void Dispose()
    {
        if (!quit)
        {
            Quit();
        }
        AppDomain.CurrentDomain.FirstChanceException -= Notice;
        // What the assembly of a render pipeline has set in the package.
        GymServerBehaviour.PrepareCamera = null;
        CameraSensor.Around = null;
        GraphicsSettings.defaultRenderPipeline = null;
        if (failed)
        {
            return;
        }
        Assert.Null(GymServerBehaviour.Current);
        Assert.All(expected, text => Assert.Contains(Player.Errors, line => line.Message.Contains(text, StringComparison.Ordinal)));
        Assert.Empty(Player.Errors.Where(line => !expected.Exists(text => line.Message.Contains(text, StringComparison.Ordinal))).Select(line => line.ToString()));
    }

    // A test that has failed says so itself; its consequences must not hide that.
    private void Notice(object? sender, System.Runtime.ExceptionServices.FirstChanceExceptionEventArgs thrown) => failed |= thrown.Exception is Xunit.Sdk.XunitException;
}
