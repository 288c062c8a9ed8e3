using System.Reflection;
using Rls3.Gym.Core;

namespace Rls3.Gym.Tests;

/// <summary>Files of the checkout that this was built from.</summary>
internal static class Repository
{
    private static readonly string Root = Metadata("Repository");

    /// <summary>Debug or Release.</summary>
    public static string Configuration => Metadata("Configuration");

    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string Metadata(string key) => typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == key).Value!;

    public static WireValue Json(params string[] parts) => JsonReader.Parse(File.ReadAllText(PathOf(parts)));

    public static string CatalogFile(string world) => PathOf("unity-project", "Packages", "com.rls3.gym", "Catalog~", world + ".json");

    public static Catalog Catalog(string world) => CatalogReader.Load(CatalogFile(world));

    /// <summary>Catalogs that ship: every JSON file of the folder that has objects.</summary>
    public static IEnumerable<string> Worlds() => Directory.GetFiles(PathOf("unity-project", "Packages", "com.rls3.gym", "Catalog~"), "*.json")
        .Where(file => JsonReader.Parse(File.ReadAllText(file)).Get("objects") != null)
        .Select(file => Path.GetFileNameWithoutExtension(file));
}
