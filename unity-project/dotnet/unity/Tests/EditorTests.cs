using System.Reflection;
using Rls3.Gym.Editor;
using UnityEditor;
using UnityEditor.Build;
using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.Rendering.Universal;
using UnityEngine.StandIn;
using Xunit;

namespace Rls3.Gym.Engine.Tests;

/// <summary>What the package does in the Editor leaves the user's project as it was.</summary>
[Collection("engine")]
public sealed class EditorTests : IDisposable
{
    private readonly string project = Directory.CreateTempSubdirectory("rls3-project-").FullName;

    public EditorTests()
    {
        Directory.CreateDirectory(In("Assets", "Scenes"));
        File.WriteAllText(In("Assets", "Scenes", "Bootstrap.unity"), "scene");
        Directory.CreateDirectory(In("catalog"));
        File.WriteAllText(In("catalog", "rooms.json"), "shipped");
        File.WriteAllText(In("catalog", "tabletop.json"), "shipped");
    }

    public void Dispose() => Directory.Delete(project, true);

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void A_build_has_the_catalogs_and_leaves_no_file_and_no_setting_changed(int errors)
    {
        using var stage = Outside();
        if (errors > 0)
        {
            stage.Expect("with 3 errors");
        }
        PlayerSettings.SetScriptingBackend(NamedBuildTarget.Standalone, ScriptingImplementation.IL2CPP);
        PlayerSettings.runInBackground = false;
        BuildPipeline.Builder = _ =>
        {
            Assert.Equal("shipped", File.ReadAllText(In("Assets", "StreamingAssets", "catalog", "rooms.json")));
            Assert.True(PlayerSettings.runInBackground);
            return errors;
        };
        GymBuild.Linux();
        Assert.Equal(ScriptingImplementation.IL2CPP, PlayerSettings.GetScriptingBackend(NamedBuildTarget.Standalone));
        Assert.False(PlayerSettings.runInBackground);
        OnlyTheSceneIsLeft();
    }

    [Theory]
    [InlineData("catalog", "catalog is missing or has no catalogs")]
    [InlineData("Assets/Scenes", "the scene Assets/Scenes/Bootstrap.unity is missing")]
    public void A_build_says_what_is_missing_and_makes_nothing(string folder, string message)
    {
        using var stage = Outside();
        Directory.Delete(In(folder.Split('/')), true);
        Assert.Contains(message, Assert.Throws<FileNotFoundException>(GymBuild.Linux).Message);
        Assert.False(Directory.Exists(In("Assets", "StreamingAssets")));
    }

    [Fact]
    public void A_copy_that_fails_leaves_no_other()
    {
        using var stage = Outside();
        // A link that leads nowhere is listed, and can't be copied.
        File.CreateSymbolicLink(In("catalog", "zz.json"), In("nowhere"));
        Assert.Throws<FileNotFoundException>(GymBuild.Linux);
        OnlyTheSceneIsLeft();
        File.Delete(In("catalog", "zz.json"));
        BuildPipeline.Builder = _ => 0;
        GymBuild.Linux();
        OnlyTheSceneIsLeft();
    }

    [Fact]
    public void A_build_that_throws_leaves_the_users_own_catalogs_as_they_are()
    {
        using var stage = Outside();
        Directory.CreateDirectory(In("Assets", "StreamingAssets", "catalog"));
        File.WriteAllText(In("Assets", "StreamingAssets", "catalog", "rooms.json"), "the user's");
        BuildPipeline.Builder = _ =>
        {
            Assert.True(File.Exists(In("Assets", "StreamingAssets", "catalog", "tabletop.json")));
            throw new IOException("disk full");
        };
        Assert.Throws<IOException>(GymBuild.Linux);
        Assert.Contains(Player.Log, line => line.Message.Contains("keeps your own Assets/StreamingAssets/catalog/rooms.json", StringComparison.Ordinal));
        var left = Assert.Single(Directory.GetFiles(In("Assets", "StreamingAssets"), "*", SearchOption.AllDirectories));
        Assert.Equal("the user's", File.ReadAllText(left));
    }

    [Fact]
    public void A_reload_of_scripts_and_the_end_of_Play_stop_the_server_and_free_its_port()
    {
        using var stage = new Stage();
        System.Runtime.CompilerServices.RuntimeHelpers.RunClassConstructor(typeof(GymBuild).Assembly.GetType("Rls3.Gym.Editor.GymLifetime")!.TypeHandle);
        var server = stage.Serve();
        server.Settings.Endpoint = server.Endpoint;
        foreach (var stop in new Action[] { AssemblyReloadEvents.Reload, () => EditorApplication.Change(PlayModeStateChange.ExitingPlayMode) })
        {
            using (var client = new Client(server.Endpoint))
            {
                client.Reset(1, 1, "image");
            }
            stop();
            Assert.Equal(GymPhase.Stopped, server.Phase);
            Assert.Single(Player.All<GameObject>(), left => !left.Gone && left.name == "server");
            // What the new domain does with a component that was enabled.
            server.enabled = false;
            server.enabled = true;
            Assert.Equal(GymPhase.WaitingForClient, server.Phase);
        }
    }

    [Fact]
    public void A_project_without_a_render_pipeline_stays_as_it_is()
    {
        using var stage = Outside();
        var packages = Assembly.Load("Rls3.Gym.Unity.Packages");
        Assert.DoesNotContain(
            packages.GetTypes().SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)),
            method => method.IsDefined(typeof(InitializeOnLoadMethodAttribute)));
        Assert.Null(GraphicsSettings.defaultRenderPipeline);
    }

    [Fact]
    public void Cameras_are_prepared_for_URP_by_an_assembly_that_no_scene_refers_to()
    {
        using var stage = new Stage();
        var packages = Assembly.Load("Rls3.Gym.Unity.Packages");
        Assert.Contains(packages.GetCustomAttributes(), attribute => attribute is UnityEngine.Scripting.AlwaysLinkAssemblyAttribute);
        Player.Load(packages);
        using var client = new Client(stage.Serve().Endpoint);
        client.Reset(1, 1, "image");
        Assert.All(Player.All<Camera>(), camera => Assert.Equal(AntialiasingMode.None, camera.gameObject.GetComponent<UniversalAdditionalCameraData>().antialiasing));
    }

    private void OnlyTheSceneIsLeft() =>
        Assert.Equal([In("Assets", "Scenes"), In("Assets", "Scenes", "Bootstrap.unity")], Directory.GetFileSystemEntries(In("Assets"), "*", SearchOption.AllDirectories).Order());

    private Stage Outside() => new(options =>
    {
        options.Play = false;
        options.DataPath = In("Assets");
        options.StreamingAssetsPath = In("Assets", "StreamingAssets");
    });

    private string In(params string[] parts) => Path.Combine([project, .. parts]);
}
