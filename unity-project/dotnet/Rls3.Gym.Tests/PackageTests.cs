using System.Text.RegularExpressions;
using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using Rls3.Gym.StubCheck;
using Xunit;

namespace Rls3.Gym.Tests;

/// <summary>Faults that otherwise only Unity would find.</summary>
public class PackageTests
{
    private static readonly string Package = Repository.PathOf("unity-project", "Packages", "com.rls3.gym");
    private static readonly string Runtime = Path.Combine(Package, "Runtime");

    [Fact]
    public void Core_Protocol_and_Transport_know_nothing_of_the_engine_and_import_one_way()
    {
        string[] order = ["Core", "Protocol", "Transport"];
        foreach (var (name, index) in order.Select((name, index) => (name, index)))
        {
            var assembly = Repository.Json("unity-project", "Packages", "com.rls3.gym", "Runtime", name, $"Rls3.Gym.{name}.asmdef");
            Assert.True(assembly.Get("noEngineReferences")!.Boolean);
            Assert.Equal(order.Take(index).Select(known => "Rls3.Gym." + known), assembly.Get("references")!.Items.Select(item => item.Text));
            foreach (var file in Directory.GetFiles(Path.Combine(Runtime, name), "*.cs", SearchOption.AllDirectories))
            {
                var used = Regex.Matches(File.ReadAllText(file), @"^using (Rls3\.Gym\.(\w+)|Unity\w+)", RegexOptions.Multiline);
                Assert.All(used, match => Assert.Contains(match.Groups[2].Value, order.Take(index + 1)));
            }
        }
    }

    [Fact]
    public void Servers_name_the_version_of_the_package()
    {
        Assert.Equal(EnvironmentHost.PackageVersion, Repository.Json("unity-project", "Packages", "com.rls3.gym", "package.json").Get("version")!.Text);
        Assert.Equal("com.rls3.gym/" + EnvironmentHost.PackageVersion, new HostOptions().Package);
    }

    [Fact]
    public void Unity_builds_every_shape_that_a_catalog_may_have()
    {
        var schema = File.ReadAllText(Repository.PathOf("unity-project", "Packages", "com.rls3.gym", "Catalog~", "catalog.schema.json"));
        var builder = File.ReadAllText(Path.Combine(Runtime, "Engine", "RoomBuilder.cs"));
        var shapes = Regex.Matches(schema, "\"const\": \"(\\w+)\"").Select(match => match.Groups[1].Value).ToArray();
        Assert.Contains("lathe", shapes);
        Assert.All(shapes, shape => Assert.Contains($"case \"{shape}\":", builder));
    }

    [Fact]
    public void Unity_draws_every_pattern_that_a_catalog_may_have_under_the_number_that_its_shader_knows()
    {
        var schema = Repository.Json("unity-project", "Packages", "com.rls3.gym", "Catalog~", "catalog.schema.json");
        var kinds = schema.Get("definitions")!.Get("pattern")!.Get("properties")!.Get("kind")!.Get("enum")!.Items.Select(kind => kind.Text).ToArray();
        var materials = File.ReadAllText(Path.Combine(Runtime, "Engine", "RoomMaterials.cs"));
        var drawn = Regex.Matches(Regex.Match(materials, "Patterns = \\{(.*)\\}").Groups[1].Value, "\"(\\w+)\"").Select(match => match.Groups[1].Value).ToArray();
        Assert.Equal(kinds.Order(), drawn.Order());
        var shader = File.ReadAllText(Path.Combine(Runtime, "Engine", "Resources", "Rls3Room.shader"));
        foreach (var (name, index) in drawn.Select((name, index) => (name, index)))
        {
            Assert.Matches($"kind == {index + 1}\\).*// {name}", shader);
        }
    }

    [Fact]
    public void The_stubs_promise_nothing_that_was_not_found_in_a_real_Unity()
    {
        var stubs = Repository.PathOf("unity-project", "dotnet", "unity", "UnityEditor", "bin", Repository.Configuration, "netstandard2.1");
        var verified = File.ReadLines(Repository.PathOf("unity-project", "dotnet", "unity", "verified-members.txt"))
            .Where(line => !line.StartsWith('#')).ToHashSet();
        var members = Signatures.Of([Path.Combine(stubs, "UnityEngine.dll"), Path.Combine(stubs, "UnityEditor.dll")], false);
        Assert.True(members.Count > 300);
        Assert.Subset(verified, members.ToHashSet());
    }

    [Fact]
    public void URP_is_optional_assemblies_that_use_it_are_compiled_where_it_is_installed_and_no_others_use_it()
    {
        var manifest = Repository.Json("unity-project", "Packages", "com.rls3.gym", "package.json");
        Assert.All(manifest.Get("dependencies")!.Keys, name => Assert.StartsWith("com.unity.modules.", name));
        var users = Directory.GetFiles(Package, "*.cs", SearchOption.AllDirectories)
            .Where(file => File.ReadAllText(file).Contains("UnityEngine.Rendering.Universal", StringComparison.Ordinal)).Select(file => Path.GetDirectoryName(file)!).Distinct().Order().ToArray();
        Assert.Equal([Path.Combine(Package, "EditorUrp"), Path.Combine(Runtime, "Urp")], users);
        foreach (var assembly in users.Select(folder => JsonReader.Parse(File.ReadAllText(Directory.GetFiles(folder, "*.asmdef").Single()))))
        {
            var define = Assert.Single(assembly.Get("versionDefines")!.Items);
            Assert.Equal("com.unity.render-pipelines.universal", define.Get("name")!.Text);
            Assert.Equal([define.Get("define")!.Text], assembly.Get("defineConstraints")!.Items.Select(item => item.Text));
        }
    }

    [Fact]
    public void An_install_of_its_folder_alone_has_licence_samples_and_worlds()
    {
        Assert.Equal(File.ReadAllText(Repository.PathOf("LICENSE")), File.ReadAllText(Path.Combine(Package, "LICENSE.md")));
        var samples = Repository.Json("unity-project", "Packages", "com.rls3.gym", "package.json").Get("samples")!.Items.Select(sample => sample.Get("path")!.Text);
        Assert.Equal(Directory.GetDirectories(Path.Combine(Package, "Samples~")).Select(folder => "Samples~/" + Path.GetFileName(folder)).Order(), samples.Order());
        Assert.Equal(["rooms", "tabletop"], Repository.Worlds().Order());
        // A link would lead out of what is installed.
        Assert.All(new DirectoryInfo(Package).EnumerateFileSystemInfos("*", SearchOption.AllDirectories), entry => Assert.Null(entry.LinkTarget));
    }

    [Fact]
    public void The_assembly_definitions_name_assemblies_that_there_are()
    {
        var files = Directory.GetFiles(Package, "*.asmdef", SearchOption.AllDirectories);
        var names = files.Select(file => JsonReader.Parse(File.ReadAllText(file)).Get("name")!.Text).ToHashSet();
        Assert.Equal(9, names.Count);
        foreach (var file in files)
        {
            var definition = JsonReader.Parse(File.ReadAllText(file));
            Assert.Equal(Path.GetFileNameWithoutExtension(file), definition.Get("name")!.Text);
            Assert.All(definition.Get("references")!.Items, item => Assert.True(item.Text.StartsWith("Unity", StringComparison.Ordinal) || names.Contains(item.Text), item.Text));
        }
    }
}
