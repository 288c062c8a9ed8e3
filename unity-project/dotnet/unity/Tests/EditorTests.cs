using System.Reflection;
using Rls3.Gym.Editor;
using Rls3.Gym.Tests;
using Rls3.Gym.Transport;
using UnityEditor;
using UnityEditor.Build;
using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.Rendering.Universal;
using UnityEngine.StandIn;
using Xunit;

namespace Rls3.Gym.Engine.Tests;

/// <summary>Nothing that the package does in the Editor changes the user's project.</summary>
[Collection("engine")]
public sealed class EditorTests : IDisposable
{
    private const string Streaming = GymSettings.StreamingFolder;

    private readonly string project = Directory.CreateTempSubdirectory("rls3-project-").FullName;

    /// <summary>A project with a scene of its own, and the package as the Package Manager installs it from git.</summary>
    public EditorTests()
    {
        Directory.CreateDirectory(In("Assets", "Scenes"));
        File.WriteAllText(In("Assets", "Scenes", "Own.unity"), "scene");
        Directory.CreateDirectory(Path.Combine(Package, "Catalog~"));
        foreach (var world in new[] { "rooms", "tabletop" })
        {
            File.Copy(Repository.CatalogFile(world), Path.Combine(Package, "Catalog~", world + ".json"));
        }
        EditorBuildSettings.scenes = [new EditorBuildSettingsScene("Assets/Scenes/Old.unity", false), new EditorBuildSettingsScene("Assets/Scenes/Own.unity", true)];
        EditorUserBuildSettings.standaloneBuildSubtarget = StandaloneBuildSubtarget.Server;
    }

    private string Package => In("Library", "PackageCache", "com.rls3.gym@0123456789");

    public void Dispose() => Directory.Delete(project, true);

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void A_build_leaves_no_file_and_no_setting_changed(int errors)
    {
        using var stage = Outside();
        if (errors > 0)
        {
            stage.Expect("with 3 errors");
        }
        PlayerSettings.SetScriptingBackend(NamedBuildTarget.Standalone, ScriptingImplementation.IL2CPP);
        PlayerSettings.runInBackground = false;
        BuildPipeline.Builder = (options, files) =>
        {
            Assert.Equal(["Assets/Scenes/Own.unity"], options.scenes);
            Assert.Equal([$"{Streaming}/rooms.json", $"{Streaming}/tabletop.json"], files.Keys.Order());
            Assert.True(PlayerSettings.runInBackground);
            // The dedicated server, which is the active one, draws nothing.
            Assert.NotEqual((int)StandaloneBuildSubtarget.Server, options.subtarget);
            return errors;
        };
        GymBuild.Linux();
        Assert.Equal(ScriptingImplementation.IL2CPP, PlayerSettings.GetScriptingBackend(NamedBuildTarget.Standalone));
        Assert.False(PlayerSettings.runInBackground);
        Assert.Equal(StandaloneBuildSubtarget.Server, EditorUserBuildSettings.standaloneBuildSubtarget);
        OnlyTheSceneIsLeft();
    }

    [Fact]
    public void A_player_that_File_Build_made_serves_the_packages_worlds_and_the_projects_own()
    {
        Directory.CreateDirectory(In("Assets", "StreamingAssets", Streaming));
        File.WriteAllText(In("Assets", "StreamingAssets", Streaming, "kitchen.json"), File.ReadAllText(Repository.CatalogFile("rooms")).Replace("\"name\": \"rooms\"", "\"name\": \"kitchen\""));
        using (Outside())
        {
            BuildPipeline.Builder = (_, files) =>
            {
                Copy(files.Prepend(new(Streaming + "/kitchen.json", In("Assets", "StreamingAssets", Streaming, "kitchen.json"))));
                return 0;
            };
            BuildPipeline.BuildPlayer(new BuildPlayerOptions { scenes = ["Assets/Scenes/Own.unity"], target = BuildTarget.StandaloneLinux64 });
        }
        foreach (var world in new[] { "rooms", "tabletop", "kitchen" })
        {
            using var stage = new Stage(options =>
            {
                options.Editor = false;
                options.StreamingAssetsPath = In("Player");
            });
            using var client = new Client(stage.Serve(settings => settings.World = world).Endpoint);
            Assert.Equal(world, client.Welcome.Get("catalog")!.Get("name")!.Text);
            client.Reset(1, 1, "image");
        }
    }

    [Theory]
    [InlineData(true, "tabletop")]
    [InlineData(true, "kitchen")]
    [InlineData(false, "tabletop")]
    public void In_the_Editor_a_world_is_the_projects_own_where_it_has_one_of_this_name_and_the_packages_else(bool own, string world)
    {
        using var stage = Outside();
        var file = own ? In("Assets", "StreamingAssets", Streaming, world + ".json") : Path.Combine(Package, "Catalog~", world + ".json");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.AppendAllText(file, "");
        Assert.Equal(file, new GymSettings { World = world }.CatalogFile());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_package_that_is_no_package_or_lacks_its_catalogs_is_no_player_without_them(bool installed)
    {
        using var stage = Outside(installed);
        Directory.Delete(Path.Combine(Package, "Catalog~"), true);
        BuildPipeline.Builder = (_, _) => throw new InvalidOperationException("nothing is built");
        Assert.Contains("install com.rls3.gym with the Package Manager", Assert.Throws<BuildFailedException>(GymBuild.Linux).Message);
        Assert.Equal(StandaloneBuildSubtarget.Server, EditorUserBuildSettings.standaloneBuildSubtarget);
        Assert.StartsWith("the package's folder Catalog~ is missing", Assert.Throws<ConfigurationException>(new GymSettings().CatalogFile).Message);
        OnlyTheSceneIsLeft();
    }

    [Fact]
    public void A_project_without_a_scene_to_build_is_told_what_to_do()
    {
        using var stage = Outside();
        EditorBuildSettings.scenes = [new EditorBuildSettingsScene("Assets/Scenes/Own.unity", false)];
        Assert.Contains("Add Open Scenes", Assert.Throws<InvalidOperationException>(GymBuild.Linux).Message);
    }

    [Fact]
    public void A_build_that_throws_leaves_the_users_own_catalogs_as_they_are()
    {
        using var stage = Outside();
        var own = In("Assets", "StreamingAssets", Streaming, "rooms.json");
        Directory.CreateDirectory(Path.GetDirectoryName(own)!);
        File.WriteAllText(own, "the user's");
        BuildPipeline.Builder = (_, files) =>
        {
            Assert.Equal([$"{Streaming}/tabletop.json"], files.Keys);
            throw new IOException("disk full");
        };
        Assert.Throws<IOException>(GymBuild.Linux);
        Assert.Contains(Player.Log, line => line.Message.Contains($"keeps your own {own}", StringComparison.Ordinal));
        Assert.Equal("the user's", File.ReadAllText(Assert.Single(Directory.GetFiles(In("Assets", "StreamingAssets"), "*", SearchOption.AllDirectories))));
    }

    [Theory]
    [InlineData(typeof(SubtargetsOf2022), 0)]
    [InlineData(typeof(SubtargetsOf6000), 2)]
    public void The_subtarget_of_a_player_is_that_of_each_Unity(Type subtargets, int player) => Assert.Equal(player, GymBuild.PlayerOf(subtargets));

    [Fact]
    public void A_reload_of_scripts_and_the_end_of_Play_stop_the_server_and_free_its_port()
    {
        using var stage = new Stage();
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
        Assert.Equal([In("Assets", "Scenes"), In("Assets", "Scenes", "Own.unity")], Directory.GetFileSystemEntries(In("Assets"), "*", SearchOption.AllDirectories).Order());

    private void Copy(IEnumerable<KeyValuePair<string, string>> files)
    {
        foreach (var (to, from) in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(In("Player", to))!);
            File.Copy(from, In("Player", to));
        }
    }

    private Stage Outside(bool installed = true) => new(options =>
    {
        options.Play = false;
        options.DataPath = In("Assets");
        options.StreamingAssetsPath = In("Assets", "StreamingAssets");
        options.PackagePath = installed ? Package : null;
    });

    private string In(params string[] parts) => Path.Combine([project, .. parts]);

    // Source Editor/Mono/EditorUserBuildSettings.bindings.cs of 2022.3.76f1 and of 6000.0.0f1.
    private enum SubtargetsOf2022
    {
        NoSubtarget = -1,
        Player = 0,
        Server = 1,
    }

    private enum SubtargetsOf6000
    {
        Default = 0,
        Server = 1,
        Player = 2,
    }
}
