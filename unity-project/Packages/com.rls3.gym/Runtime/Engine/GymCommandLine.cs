#nullable enable
using System;
using System.Globalization;
using Rls3.Gym.Transport;

namespace Rls3.Gym.Engine
{
    /// <summary>
    /// The gym's part of a player's command line; flags of Unity and of others are ignored. It wins over the inspector.
    /// </summary>
    public static class GymCommandLine
    {
        public static void Apply(string[] args, GymSettings settings)
        {
            for (var i = 0; i < args.Length; i++)
            {
                switch (args[i])
                {
                    case "--bind":
                        settings.Endpoint = Next(args, ref i);
                        settings.Connect = false;
                        break;
                    case "--connect":
                        settings.Endpoint = Next(args, ref i);
                        settings.Connect = true;
                        break;
                    case "--envs":
                        settings.EnvCount = Integer(args, ref i, 1, GymSettings.MostEnvironments);
                        break;
                    case "--image-size":
                        settings.ImageSize = Integer(args, ref i, GymSettings.SmallestImage, GymSettings.LargestImage);
                        break;
                    case "--world":
                        settings.World = Next(args, ref i);
                        break;
                    case "--keys":
                        settings.KeysFile = Next(args, ref i);
                        break;
                }
            }
        }

        private static string Next(string[] args, ref int i)
        {
            i++;
            return i < args.Length ? args[i] : throw new ConfigurationException($"{args[i - 1]} needs a value");
        }

        private static int Integer(string[] args, ref int i, int low, int high)
        {
            var name = args[i];
            var text = Next(args, ref i);
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= low && value <= high
                ? value
                : throw new ConfigurationException($"{name} must be a whole number from {low} to {high}, not {text}");
        }
    }
}
