#nullable enable
using System;

namespace Rls3.Gym.Core
{
    /// <summary>Reads the state of a recorded sample: {"scene": index, "objects": [[catalog index, x, y, z, yaw], …], …}.</summary>
    public static class SampleReader
    {
        public static Scene Scene(Catalog catalog, WireValue sample) =>
            sample.Get("scene") is WireValue scene && scene.IsInteger(out var index) && index >= 0 && index < catalog.Scenes.Count
                ? catalog.Scenes[(int)index]
                : throw new FormatException($"scene must be an index below {catalog.Scenes.Count}");

        public static int[] Objects(Catalog catalog, WireValue sample)
        {
            var rows = sample.Get("objects")?.Items;
            if (rows == null || rows.Count != catalog.Rules.ActiveObjects)
            {
                throw new FormatException($"objects must be {catalog.Rules.ActiveObjects} rows");
            }
            var objects = new int[rows.Count * PlacementRules.Fields];
            for (var slot = 0; slot < rows.Count; slot++)
            {
                for (var field = 0; field < PlacementRules.Fields; field++)
                {
                    if (rows[slot].Items.Count != PlacementRules.Fields || !rows[slot].Items[field].IsInteger(out var value))
                    {
                        throw new FormatException($"objects[{slot}] must be five whole numbers");
                    }
                    objects[(slot * PlacementRules.Fields) + field] = (int)value;
                }
            }
            return objects;
        }
    }
}
