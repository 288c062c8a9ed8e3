using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Security.Cryptography;
using Rls3.Gym.Core;
using Xunit;

namespace Rls3.Gym.Tests;

/// <summary>The managed DLLs that the package carries.</summary>
public class PluginTests
{
    private static readonly string Package = Repository.PathOf("unity-project", "Packages", "com.rls3.gym");
    private static readonly string Folder = Path.Combine(Package, "Plugins");
    private static readonly WireValue Plugins = Repository.Json("unity-project", "dotnet", "tools", "plugins.json");

    [Fact]
    public void Are_the_files_whose_hashes_are_pinned_and_refer_to_nothing_that_a_player_lacks()
    {
        var files = Plugins.Get("dlls")!.Items.Select(dll => Path.Combine(Folder, Path.GetFileName(dll.Get("file")!.Text))).ToArray();
        Assert.Equal(files.Order(), Directory.GetFiles(Folder, "*.dll").Order());
        var known = Plugins.Get("platform")!.Items.Select(item => item.Text).Concat(files.Select(file => Path.GetFileNameWithoutExtension(file))).ToHashSet();
        foreach (var (file, dll) in files.Zip(Plugins.Get("dlls")!.Items))
        {
            Assert.Equal(dll.Get("sha256")!.Text, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))));
            Assert.Subset(known, References(file));
        }
    }

    [Fact]
    public void Are_in_the_notices_with_their_versions_and_named_by_the_assembly_that_needs_them()
    {
        var notices = File.ReadAllText(Path.Combine(Package, "Third Party Notices.md"));
        var named = Repository.Json("unity-project", "Packages", "com.rls3.gym", "Runtime", "Transport", "Rls3.Gym.Transport.asmdef").Get("precompiledReferences")!.Items;
        foreach (var dll in Plugins.Get("dlls")!.Items)
        {
            Assert.Contains($"{dll.Get("package")!.Text} {dll.Get("version")!.Text}", notices);
            Assert.Contains(Path.GetFileName(dll.Get("file")!.Text), named.Select(name => name.Text));
        }
    }

    private static HashSet<string> References(string file)
    {
        using var assembly = new PEReader(File.OpenRead(file));
        var metadata = assembly.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }
}
