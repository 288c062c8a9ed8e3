#nullable enable
using System.IO;
using Rls3.Gym.Engine;
using Rls3.Gym.Transport;
using UnityEditor;
using UnityEditor.Build;
using UnityEngine;
using PackageInfo = UnityEditor.PackageManager.PackageInfo;

namespace Rls3.Gym.Editor
{
    /// <summary>
    /// The package's catalogs, in its hidden folder Catalog~: where the Editor reads them, and how every build of a player gets
    /// them.
    /// </summary>
    [InitializeOnLoad]
    internal sealed class PackageCatalogs : BuildPlayerProcessor
    {
        private const string Missing = "the package's folder Catalog~ is missing: install com.rls3.gym with the Package Manager, and don't copy it into Assets";

        static PackageCatalogs()
        {
            GymSettings.PackageCatalogs = () => Folder() ?? throw new ConfigurationException(Missing);
        }

        public override void PrepareForBuild(BuildPlayerContext buildPlayerContext)
        {
            var folder = Folder() ?? throw new BuildFailedException($"RLS3: {Missing}");
            foreach (var file in Directory.GetFiles(folder, "*.json"))
            {
                var name = Path.GetFileName(file);
                var own = Path.Combine(Application.streamingAssetsPath, GymSettings.StreamingFolder, name);
                // Unity refuses to build where the project has a file of this name.
                if (File.Exists(own))
                {
                    Debug.Log($"RLS3: the build keeps your own {own}; delete it to build with the package's");
                    continue;
                }
                buildPlayerContext.AddAdditionalPathToStreamingAssets(file, $"{GymSettings.StreamingFolder}/{name}");
            }
        }

        private static string? Folder()
        {
            var package = PackageInfo.FindForAssembly(typeof(PackageCatalogs).Assembly);
            var folder = package == null ? null : Path.Combine(package.resolvedPath, "Catalog~");
            return Directory.Exists(folder) ? folder : null;
        }
    }
}
