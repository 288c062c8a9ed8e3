#nullable enable
using System;

namespace Rls3.Gym.Core
{
    /// <summary>From an action's six floats to integers: the same formula on every server, in doubles.</summary>
    public static class ActionDecoder
    {
        public const int Elements = 6;

        public static readonly string[] Names = { "slot", "incoming object", "x", "z", "drop height", "yaw" };

        /// <param name="catalog">The world.</param>
        /// <param name="objects">The active objects; the incoming one counts those of the catalog that are not among them, in its order.</param>
        /// <param name="action">Six elements of [−1, 1].</param>
        public static Placement Decode(Catalog catalog, ReadOnlySpan<int> objects, ReadOnlySpan<float> action)
        {
            for (var element = 0; element < Elements; element++)
            {
                if (!(action[element] >= -1 && action[element] <= 1))
                {
                    throw new ArgumentOutOfRangeException(nameof(action), $"element {element} ({Names[element]}) is not within [-1, 1]");
                }
            }
            var rules = catalog.Rules;
            var active = objects.Length / PlacementRules.Fields;
            return new Placement(
                Choice(action[0], active),
                InactiveType(objects, Choice(action[1], catalog.Objects.Count - active)),
                Coordinate(action[2], rules.X),
                Coordinate(action[3], rules.Z),
                Coordinate(action[4], rules.Drop),
                Choice(action[5], rules.YawSteps));
        }

        // One of count choices: min(count − 1, ⌊(a + 1)/2 · count⌋).
        private static int Choice(double action, int count) => Math.Min(count - 1, (int)Math.Floor(((action + 1) / 2) * count));

        private static int Coordinate(double action, IntRange range) => range.Low + (int)Math.Floor(((action + 1) / 2) * (range.High - range.Low));

        // The catalog index of the rank-th object that is not active.
        private static int InactiveType(ReadOnlySpan<int> objects, int rank)
        {
            for (var type = 0; ; type++)
            {
                if (IsActive(objects, type))
                {
                    continue;
                }
                if (rank == 0)
                {
                    return type;
                }
                rank--;
            }
        }

        private static bool IsActive(ReadOnlySpan<int> objects, int type)
        {
            for (var at = 0; at < objects.Length; at += PlacementRules.Fields)
            {
                if (objects[at] == type)
                {
                    return true;
                }
            }
            return false;
        }
    }
}
