#nullable enable
using System;

namespace Rls3.Gym.Core
{
    /// <summary>The hidden rule: how many of 64 points in an object's collision box the camera sees, in integers, without a renderer.</summary>
    public static class Visibility
    {
        /// <summary>Points of the lattice in each collision box: 4 a side.</summary>
        public const int LatticePoints = 64;

        // Units a millimetre: at 1/8, 3/8, 5/8 and 7/8 of a side, the points of whole millimetres fall on whole eighths.
        private const int Units = 8;

        // What may stand between a point and the camera: middle doubled (1/16 mm) and full sizes (half sizes, doubled).
        private readonly struct Occluder
        {
            public readonly long X2;
            public readonly long Y2;
            public readonly long Z2;
            public readonly long SizeX;
            public readonly long SizeY;
            public readonly long SizeZ;
            public readonly long Cosine;
            public readonly long Sine;

            public Occluder(in UprightBox box)
            {
                X2 = (long)Units * box.X2;
                Y2 = Units * ((2L * box.Y) + box.SizeY);
                Z2 = (long)Units * box.Z2;
                SizeX = (long)Units * box.SizeX;
                SizeY = (long)Units * box.SizeY;
                SizeZ = (long)Units * box.SizeZ;
                Cosine = box.Cosine;
                Sine = box.Sine;
            }
        }

        public static bool IsHidden(Catalog catalog, int points) => points * 1000 < catalog.Rules.MinimumSeenPermille * LatticePoints;

        /// <summary>Points seen of each active object, 0 to 64, by slot.</summary>
        public static void SeenPoints(Catalog catalog, Scene scene, ReadOnlySpan<int> objects, Span<int> seen)
        {
            var count = objects.Length / PlacementRules.Fields;
            Span<Occluder> between = stackalloc Occluder[scene.Furniture.Length + count];
            for (var slot = 0; slot < count; slot++)
            {
                var box = PlacementRules.BoxOf(catalog, objects, slot);
                var occluders = 0;
                foreach (var furniture in scene.Furniture)
                {
                    var occluder = new Occluder(furniture.Box);
                    if (MayHide(occluder, box, scene.Camera))
                    {
                        between[occluders++] = occluder;
                    }
                }
                for (var other = 0; other < count; other++)
                {
                    if (other == slot)
                    {
                        continue;
                    }
                    var occluder = new Occluder(PlacementRules.BoxOf(catalog, objects, other));
                    if (MayHide(occluder, box, scene.Camera))
                    {
                        between[occluders++] = occluder;
                    }
                }
                seen[slot] = SeenOf(box, scene.Camera, between.Slice(0, occluders));
            }
        }

        // False only where the occluder lies, along one axis of the world, wholly beside both the box and the camera.
        private static bool MayHide(in Occluder occluder, in UprightBox box, in RuleCamera camera)
        {
            var wide = (long)Units * (box.SizeX + box.SizeZ);
            var reach = occluder.Sine == 0 ? 0 : occluder.SizeX + occluder.SizeZ;
            return Spans(occluder.X2, Math.Max(occluder.SizeX, reach), (long)Units * box.X2, wide, 2L * Units * camera.Position.X)
                && Spans(occluder.Z2, Math.Max(occluder.SizeZ, reach), (long)Units * box.Z2, wide, 2L * Units * camera.Position.Z)
                && Spans(occluder.Y2, occluder.SizeY, Units * ((2L * box.Y) + box.SizeY), Units * box.SizeY * 3L / 4, 2L * Units * camera.Position.Y);
        }

        // Whether [middle ± half] reaches the span from [from ± fromHalf] to the camera (all doubled).
        private static bool Spans(long middle, long half, long from, long fromHalf, long camera) =>
            middle + half >= Math.Min(from - fromHalf, camera) && middle - half <= Math.Max(from + fromHalf, camera);

        private static int SeenOf(in UprightBox box, in RuleCamera camera, ReadOnlySpan<Occluder> occluders)
        {
            long baseX = Units * (box.X2 / 2);
            long baseY = Units * box.Y;
            long baseZ = Units * (box.Z2 / 2);
            long cameraX = Units * camera.Position.X;
            long cameraY = Units * camera.Position.Y;
            long cameraZ = Units * camera.Position.Z;
            var seen = 0;
            for (var i = -3; i <= 3; i += 2)
            {
                for (var k = -3; k <= 3; k += 2)
                {
                    long localX = box.SizeX * i;
                    long localZ = box.SizeZ * k;
                    var x = baseX + Descale((localX * box.Cosine) + (localZ * box.Sine));
                    var z = baseZ + Descale((localZ * box.Cosine) - (localX * box.Sine));
                    for (var j = 1; j <= 7; j += 2)
                    {
                        var y = baseY + ((long)box.SizeY * j);
                        if (InFrame(camera, x - cameraX, y - cameraY, z - cameraZ) && !Cut(occluders, x, y, z, cameraX, cameraY, cameraZ))
                        {
                            seen++;
                        }
                    }
                }
            }
            return seen;
        }

        // ⌊v / 2^14 + ½⌋: back to units after a product with a table entry.
        private static long Descale(long value) => (value + (YawTable.Scale / 2)) >> YawTable.Shift;

        private static bool InFrame(in RuleCamera camera, long dx, long dy, long dz)
        {
            var depth = camera.Forward.Dot(dx, dy, dz);
            if (depth <= 0)
            {
                return false;
            }
            var limit = depth * camera.HalfField;
            return Math.Abs(camera.Right.Dot(dx, dy, dz)) * YawTable.Scale <= limit
                && Math.Abs(camera.Up.Dot(dx, dy, dz)) * YawTable.Scale <= limit;
        }

        private static bool Cut(ReadOnlySpan<Occluder> occluders, long px, long py, long pz, long cx, long cy, long cz)
        {
            foreach (ref readonly var occluder in occluders)
            {
                if (Cuts(occluder, px, py, pz, cx, cy, cz))
                {
                    return true;
                }
            }
            return false;
        }

        // Whether the segment from p to c meets the box, its surface included: separating axes, six of them.
        private static bool Cuts(in Occluder box, long px, long py, long pz, long cx, long cy, long cz)
        {
            // Doubled: middle of the segment from the box's centre, and half of the segment.
            var mx = px + cx - box.X2;
            var my = py + cy - box.Y2;
            var mz = pz + cz - box.Z2;
            var hx = cx - px;
            var hy = cy - py;
            var hz = cz - pz;
            if (box.Sine != 0)
            {
                // Into the box's own frame: its axes in the plane are (cos, −sin) and (sin, cos).
                (mx, mz) = (Descale((mx * box.Cosine) - (mz * box.Sine)), Descale((mx * box.Sine) + (mz * box.Cosine)));
                (hx, hz) = (Descale((hx * box.Cosine) - (hz * box.Sine)), Descale((hx * box.Sine) + (hz * box.Cosine)));
            }
            var ax = Math.Abs(hx);
            var ay = Math.Abs(hy);
            var az = Math.Abs(hz);
            if (Math.Abs(my) > box.SizeY + ay || Math.Abs(mx) > box.SizeX + ax || Math.Abs(mz) > box.SizeZ + az)
            {
                return false;
            }
            return Math.Abs((my * hz) - (mz * hy)) <= (box.SizeY * az) + (box.SizeZ * ay)
                && Math.Abs((mz * hx) - (mx * hz)) <= (box.SizeX * az) + (box.SizeZ * ax)
                && Math.Abs((mx * hy) - (my * hx)) <= (box.SizeX * ay) + (box.SizeY * ax);
        }
    }
}
