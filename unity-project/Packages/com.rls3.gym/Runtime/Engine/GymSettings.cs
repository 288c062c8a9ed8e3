#nullable enable
using System;
using System.IO;
using Rls3.Gym.Transport;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>What the inspector shows of a gym server, and the command line may change.</summary>
    [Serializable]
    public sealed class GymSettings
    {
        internal const int MostEnvironments = 65535;
        internal const int SmallestImage = 32;
        internal const int LargestImage = 512;

        /// <summary>The folder in StreamingAssets that holds catalogs: a project's own, and in a player those of the package.</summary>
        public const string StreamingFolder = "com.rls3.gym";

        [Tooltip("The address to listen on, such as tcp://127.0.0.1:5005, or the trainer's address to connect to.")]
        public string Endpoint = "tcp://127.0.0.1:5005";

        [Tooltip("Connect to the trainer's address instead of listening.")]
        public bool Connect;

        [Tooltip("Number of environments that this server steps. For rls3 train at least its E, 16 unless you give another.")]
        public int EnvCount = 1;

        [Tooltip("Side of images in pixels, 32 to 512.")]
        public int ImageSize = 64;

        [Tooltip("A catalog's name (rooms, tabletop, or your own in StreamingAssets/com.rls3.gym), or the path of a JSON file.")]
        public string World = "rooms";

        [Tooltip("JSON file with CURVE keys and a token; needed for every address but loopback.")]
        public string KeysFile = "";

        /// <summary>Finds the package's own catalogs in the Editor; set by its assembly there. A player has them in StreamingAssets.</summary>
        public static Func<string>? PackageCatalogs { get; set; }

        /// <exception cref="ConfigurationException">A number that no server can have.</exception>
        public void Check()
        {
            Require("Env Count", EnvCount, 1, MostEnvironments);
            Require("Image Size", ImageSize, SmallestImage, LargestImage);
        }

        private static void Require(string name, int value, int low, int high)
        {
            if (value < low || value > high)
            {
                throw new ConfigurationException($"{name} must be from {low} to {high}, not {value}: change it in the inspector of Gym Server");
            }
        }

        /// <summary>The catalog's file. A project's own in StreamingAssets wins over the package's of the same name, in the Editor and in a player.</summary>
        /// <exception cref="ConfigurationException">There is no such world.</exception>
        public string CatalogFile()
        {
            if (World.EndsWith(".json", StringComparison.Ordinal))
            {
                return Path.GetFullPath(World);
            }
            var name = World + ".json";
            var file = Path.GetFullPath(Path.Combine(Application.streamingAssetsPath, StreamingFolder, name));
            if (!File.Exists(file) && Application.isEditor && PackageCatalogs != null)
            {
                file = Path.Combine(PackageCatalogs(), name);
            }
            return File.Exists(file) ? file : throw new ConfigurationException($"there is no world \"{World}\" at {file}; give a catalog's path to use your own");
        }

        public GymKeys? Keys() => KeysFile.Length == 0 ? null : GymKeys.Read(KeysFile);
    }
}
