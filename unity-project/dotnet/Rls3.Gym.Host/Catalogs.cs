using Rls3.Gym.Transport;

namespace Rls3.Gym.Host;

/// <summary>Where catalogs are: those that ship are copied beside the host when it is built.</summary>
internal static class Catalogs
{
    public static string Find(string nameOrFile)
    {
        if (nameOrFile.EndsWith(".json", StringComparison.Ordinal) || nameOrFile.Contains(Path.DirectorySeparatorChar))
        {
            return Path.GetFullPath(nameOrFile);
        }
        var folder = Path.Combine(AppContext.BaseDirectory, "catalog");
        var file = Path.Combine(folder, nameOrFile + ".json");
        if (File.Exists(file))
        {
            return file;
        }
        throw new ConfigurationException($"no world \"{nameOrFile}\" ships with this host ({folder}); give a catalog's path to use your own");
    }
}
