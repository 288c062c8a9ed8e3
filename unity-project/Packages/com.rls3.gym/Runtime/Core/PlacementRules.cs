#nullable enable
using System;

namespace Rls3.Gym.Core
{
    /// <summary>
    /// The placement rules: where an object comes to rest, and for which of five reasons it may not stay there. Objects are
    /// five integers each: index in the catalog, x, y, z of the centre of the base (mm), yaw step.
    /// </summary>
    public static class PlacementRules
    {
        public const int Fields = 5;

        public static UprightBox BoxOf(Catalog catalog, ReadOnlySpan<int> objects, int slot)
        {
            var fields = objects.Slice(slot * Fields, Fields);
            return BoxOf(catalog, fields[0], fields[1], fields[2], fields[3], fields[4]);
        }

        public static UprightBox BoxOf(Catalog catalog, int type, int x, int y, int z, int yaw)
        {
            var size = catalog.Objects[type];
            var steps = catalog.Rules.YawSteps;
            return new UprightBox(2 * x, y, 2 * z, size.SizeX, size.SizeY, size.SizeZ, YawTable.Cosine(yaw, steps), YawTable.Sine(yaw, steps));
        }

        public static void Write(Span<int> objects, in Placement placement, int y)
        {
            var fields = objects.Slice(placement.Slot * Fields, Fields);
            fields[0] = placement.Type;
            fields[1] = placement.X;
            fields[2] = y;
            fields[3] = placement.Z;
            fields[4] = placement.Yaw;
        }

        /// <summary>Reasons 1 to 4, against the other objects of the span: all that needs no camera.</summary>
        public static Resting Rest(Catalog catalog, Scene scene, ReadOnlySpan<int> objects, in Placement placement)
        {
            var footprint = BoxOf(catalog, placement.Type, placement.X, 0, placement.Z, placement.Yaw);
            if (LeavesRoom(scene, footprint))
            {
                return new Resting(Reason.Bounds, Obstacle.None, -1, 0);
            }
            var support = FindSupport(catalog, scene, objects, placement, out var surface);
            var y = support.Y;
            if (y + footprint.SizeY > scene.SizeY)
            {
                return new Resting(Reason.Bounds, Obstacle.None, -1, y);
            }
            if (support.Kind != Obstacle.None && !RestsOn(footprint, surface, catalog.Rules.SupportPermille))
            {
                return new Resting(Reason.Unsupported, support.Kind, support.With, y);
            }
            if (catalog.Rules.Stacking)
            {
                var left = LeftUnsupported(catalog, objects, placement.Slot);
                if (left >= 0)
                {
                    return new Resting(Reason.Unsupported, Obstacle.Object, left, y);
                }
            }
            return Obstructed(catalog, scene, objects, placement.Slot, footprint.At(y));
        }

        private static Resting Obstructed(Catalog catalog, Scene scene, ReadOnlySpan<int> objects, int slot, in UprightBox box)
        {
            for (var index = 0; index < scene.Furniture.Length; index++)
            {
                if (UprightBox.Overlap(box, scene.Furniture[index].Box))
                {
                    return new Resting(Reason.Furniture, Obstacle.Furniture, index, box.Y);
                }
            }
            for (var other = 0; other * Fields < objects.Length; other++)
            {
                if (other != slot && UprightBox.Overlap(box, BoxOf(catalog, objects, other)))
                {
                    return new Resting(Reason.Object, Obstacle.Object, other, box.Y);
                }
            }
            return new Resting(Reason.None, Obstacle.None, -1, box.Y);
        }

        private static bool LeavesRoom(Scene scene, in UprightBox box)
        {
            // Full extents of the turned footprint along x and z, scaled by 2^14.
            long cosine = Math.Abs(box.Cosine);
            long sine = Math.Abs(box.Sine);
            var extentX = (box.SizeX * cosine) + (box.SizeZ * sine);
            var extentZ = (box.SizeX * sine) + (box.SizeZ * cosine);
            return ((long)Math.Abs(box.X2) * YawTable.Scale) + extentX > (long)scene.SizeX * YawTable.Scale
                || ((long)Math.Abs(box.Z2) * YawTable.Scale) + extentZ > (long)scene.SizeZ * YawTable.Scale;
        }

        // The highest top surface that is not above the drop height and lies under the point; the first of equal ones; else the floor.
        private static Resting FindSupport(Catalog catalog, Scene scene, ReadOnlySpan<int> objects, in Placement placement, out UprightBox surface)
        {
            var y = 0;
            var kind = Obstacle.None;
            var index = -1;
            surface = default;
            for (var number = 0; number < scene.Furniture.Length; number++)
            {
                var box = scene.Furniture[number];
                if (box.Y.High > placement.Drop || box.Y.High <= y || placement.X < box.X.Low || placement.X > box.X.High
                    || placement.Z < box.Z.Low || placement.Z > box.Z.High)
                {
                    continue;
                }
                y = box.Y.High;
                kind = Obstacle.Furniture;
                index = number;
                surface = box.Box;
            }
            for (var slot = 0; catalog.Rules.Stacking && slot * Fields < objects.Length; slot++)
            {
                if (slot == placement.Slot)
                {
                    continue;
                }
                var other = BoxOf(catalog, objects, slot);
                if (other.Top > placement.Drop || other.Top <= y || !other.LiesUnder(placement.X, placement.Z))
                {
                    continue;
                }
                y = other.Top;
                kind = Obstacle.Object;
                index = slot;
                surface = other;
            }
            return new Resting(Reason.None, kind, index, y);
        }

        // Whether the asked share of the footprint's half sizes lies inside the surface, along both of the surface's axes.
        private static bool RestsOn(in UprightBox box, in UprightBox surface, int permille)
        {
            // The box's axes in the surface's frame: cosine and sine of the difference of their yaws, scaled by 2^28.
            var cosine = Math.Abs(((long)box.Cosine * surface.Cosine) + ((long)box.Sine * surface.Sine));
            var sine = Math.Abs(((long)box.Sine * surface.Cosine) - ((long)box.Cosine * surface.Sine));
            long dx = box.X2 - surface.X2;
            long dz = box.Z2 - surface.Z2;
            return Inside(Math.Abs((dx * surface.Cosine) - (dz * surface.Sine)), (box.SizeX * cosine) + (box.SizeZ * sine), surface.SizeX, permille)
                && Inside(Math.Abs((dx * surface.Sine) + (dz * surface.Cosine)), (box.SizeX * sine) + (box.SizeZ * cosine), surface.SizeZ, permille);
        }

        private static bool Inside(long offset, long extent, long size, int permille) =>
            (offset * YawTable.Scale * 1000) + (permille * extent) <= size * YawTable.Scale * YawTable.Scale * 1000;

        // With stacking: the first object that rests on the one in the slot and would lose its support in the swap; else −1.
        private static int LeftUnsupported(Catalog catalog, ReadOnlySpan<int> objects, int slot)
        {
            if ((slot + 1) * Fields > objects.Length)
            {
                return -1;
            }
            var removed = BoxOf(catalog, objects, slot);
            for (var other = 0; other * Fields < objects.Length; other++)
            {
                var fields = objects.Slice(other * Fields, Fields);
                if (other != slot && fields[2] == removed.Top && removed.LiesUnder(fields[1], fields[3]))
                {
                    return other;
                }
            }
            return -1;
        }
    }
}
