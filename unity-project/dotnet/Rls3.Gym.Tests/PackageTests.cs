using System.Text.RegularExpressions;
using Rls3.Gym.Core;
using Xunit;

namespace Rls3.Gym.Tests;

/// <summary>What Unity would otherwise be the first to notice.</summary>
public class PackageTests
{
    private static readonly string Runtime = Repository.PathOf("unity-project", "Packages", "com.rls3.gym", "Runtime");

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
}
