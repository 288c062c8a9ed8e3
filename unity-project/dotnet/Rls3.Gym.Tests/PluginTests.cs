using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Security.Cryptography;
using Rls3.Gym.Core;
using Xunit;

namespace Rls3.Gym.Tests;

/// <summary>The managed DLLs that a Unity player carries.</summary>
public class PluginTests
{
    private static readonly WireValue Plugins = Repository.Json("unity-project", "dotnet", "tools", "plugins.json");

    [Fact]
    public void Are_the_files_whose_hashes_are_pinned_and_refer_to_nothing_that_a_player_lacks()
    {
        var files = Plugins.Get("dlls")!.Items.Select(PathOf).ToArray();
        var known = Plugins.Get("platform")!.Items.Select(item => item.Text).Concat(files.Select(file => Path.GetFileNameWithoutExtension(file))).ToHashSet();
        foreach (var (file, dll) in files.Zip(Plugins.Get("dlls")!.Items))
        {
            Assert.Equal(dll.Get("sha256")!.Text, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))));
            Assert.Subset(known, References(file));
        }
    }

    private static string PathOf(WireValue dll) => Path.Combine(
        Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages"),
        dll.Get("package")!.Text.ToLowerInvariant(),
        dll.Get("version")!.Text,
        dll.Get("file")!.Text);

    private static HashSet<string> References(string file)
    {
        using var assembly = new PEReader(File.OpenRead(file));
        var metadata = assembly.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }
}
