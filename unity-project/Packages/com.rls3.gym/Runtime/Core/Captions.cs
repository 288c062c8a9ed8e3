#nullable enable
using System;
using System.Collections.Generic;

namespace Rls3.Gym.Core
{
    /// <summary>
    /// Relations between the centres of collision boxes in the camera's yaw frame, as captions: what the trainer's language
    /// says, for people who look at a room. No rule and no hash depends on it.
    /// </summary>
    public static class Captions
    {
        private const double VerticalFrom = 20;
        private const double HorizontalUpTo = 75;
        private const double Sector = 45;

        // Bases (mm) no further apart than this are at one height: two objects on one surface.
        private const int SameHeight = 10;

        // What A is to B when B lies in sector 0 (to A's right), 1, …: counter-clockwise seen with "toward the camera" at 90°.
        private static readonly string[][] Horizontal =
        {
            new[] { "to the left of" },
            new[] { "behind", "to the left of" },
            new[] { "behind" },
            new[] { "behind", "to the right of" },
            new[] { "to the right of" },
            new[] { "in front of", "to the right of" },
            new[] { "in front of" },
            new[] { "in front of", "to the left of" },
        };

        /// <summary>Terms of A relative to B, in a caption's order, from B − A along the camera's axes.</summary>
        public static IReadOnlyList<string> Terms(double right, double up, double toward)
        {
            const double degrees = 180 / Math.PI;
            var bearing = Math.Atan2(toward, right) * degrees;
            return TermsOfAngles(Math.Atan2(up, Math.Sqrt((right * right) + (toward * toward))) * degrees, bearing < 0 ? bearing + 360 : bearing);
        }

        /// <summary>Ties: at 20° no vertical term, at 75° the horizontal one stays, a bearing on an edge belongs to the next sector.</summary>
        public static IReadOnlyList<string> TermsOfAngles(double elevation, double bearing)
        {
            var terms = new List<string>(3);
            if (Math.Abs(elevation) > VerticalFrom)
            {
                terms.Add(elevation > 0 ? "below" : "above");
            }
            if (Math.Abs(elevation) <= HorizontalUpTo)
            {
                terms.AddRange(Horizontal[(int)Math.Floor(((bearing + (Sector / 2)) % 360) / Sector)]);
            }
            return terms;
        }

        /// <summary>
        /// Whether a vertical term contradicts the heights (mm) of the bases of A and B: such a pair is never asked about. People call A
        /// above B only where it also stands higher; centres alone put a tall thing above a flat one beside it.
        /// </summary>
        public static bool ContradictBases(IReadOnlyList<string> terms, int baseA, int baseB)
        {
            var first = terms.Count == 0 ? "" : terms[0];
            return first == "above" ? baseA - baseB <= SameHeight : first == "below" && baseB - baseA <= SameHeight;
        }

        public static string Caption(string a, string b, IReadOnlyList<string> terms)
        {
            var said = terms[0];
            for (var i = 1; i < terms.Count; i++)
            {
                said += (i < terms.Count - 1 ? ", " : " and ") + terms[i];
            }
            return $"The {a} is {said} the {b}.";
        }

        /// <summary>A caption for each ordered pair of the world's active objects that may be asked about.</summary>
        public static IEnumerable<string> Of(RoomWorld world)
        {
            var forward = world.Scene.Camera.Forward;
            double length = Math.Sqrt(((double)forward.X * forward.X) + ((double)forward.Z * forward.Z));
            var towardX = -forward.X / length;
            var towardZ = -forward.Z / length;
            var slots = world.Objects.Length / PlacementRules.Fields;
            for (var a = 0; a < slots; a++)
            {
                for (var b = 0; b < slots; b++)
                {
                    if (a == b)
                    {
                        continue;
                    }
                    var from = Centre(world, a);
                    var to = Centre(world, b);
                    double x = to.X - from.X;
                    double z = to.Z - from.Z;
                    var terms = Terms((x * towardZ) - (z * towardX), to.Y - from.Y, (x * towardX) + (z * towardZ));
                    if (ContradictBases(terms, BaseOf(world, a), BaseOf(world, b)))
                    {
                        continue;
                    }
                    yield return Caption(NameOf(world, a), NameOf(world, b), terms);
                }
            }
        }

        private static string NameOf(RoomWorld world, int slot) => world.Catalog.Objects[world.Objects[slot * PlacementRules.Fields]].Name;

        private static int BaseOf(RoomWorld world, int slot) => world.Objects[(slot * PlacementRules.Fields) + 2];

        // Doubled, so that half a height stays an integer.
        private static IntVector Centre(RoomWorld world, int slot)
        {
            var box = PlacementRules.BoxOf(world.Catalog, world.Objects, slot);
            return new IntVector(box.X2, (2 * box.Y) + box.SizeY, box.Z2);
        }
    }
}
