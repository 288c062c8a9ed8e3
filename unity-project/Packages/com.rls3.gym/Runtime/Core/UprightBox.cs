#nullable enable
using System;

namespace Rls3.Gym.Core
{
    /// <summary>
    /// A box that stands upright: middle of its base, full sizes (millimetres) and its yaw as cosine and sine scaled by
    /// 2^14. The middle is doubled along x and z, so that a furniture's half millimetre stays an integer.
    /// </summary>
    public readonly struct UprightBox
    {
        public readonly int X2;
        public readonly int Y;
        public readonly int Z2;
        public readonly int SizeX;
        public readonly int SizeY;
        public readonly int SizeZ;
        public readonly int Cosine;
        public readonly int Sine;

        public UprightBox(int x2, int y, int z2, int sizeX, int sizeY, int sizeZ, int cosine, int sine)
        {
            X2 = x2;
            Y = y;
            Z2 = z2;
            SizeX = sizeX;
            SizeY = sizeY;
            SizeZ = sizeZ;
            Cosine = cosine;
            Sine = sine;
        }

        public int Top => Y + SizeY;

        public UprightBox At(int y) => new UprightBox(X2, y, Z2, SizeX, SizeY, SizeZ, Cosine, Sine);

        /// <summary>Whether two boxes share more than a surface: separating axes in integers, every product below 2^53.</summary>
        public static bool Overlap(in UprightBox a, in UprightBox b)
        {
            if (a.Y >= b.Top || b.Y >= a.Top)
            {
                return false;
            }
            return !(Separates(a.Cosine, -a.Sine, a, b)
                || Separates(a.Sine, a.Cosine, a, b)
                || Separates(b.Cosine, -b.Sine, a, b)
                || Separates(b.Sine, b.Cosine, a, b));
        }

        // A box's own axes in the plane are (cos, −sin) and (sin, cos). Distances are doubled: full sizes stand for half sizes.
        private static bool Separates(long nx, long nz, in UprightBox a, in UprightBox b)
        {
            var distance = Math.Abs(((b.X2 - a.X2) * nx) + ((b.Z2 - a.Z2) * nz)) * YawTable.Scale;
            var reach = (a.SizeX * Math.Abs((a.Cosine * nx) - (a.Sine * nz)))
                + (a.SizeZ * Math.Abs((a.Sine * nx) + (a.Cosine * nz)))
                + (b.SizeX * Math.Abs((b.Cosine * nx) - (b.Sine * nz)))
                + (b.SizeZ * Math.Abs((b.Sine * nx) + (b.Cosine * nz)));
            return distance >= reach;
        }

        /// <summary>Whether the point (mm) lies over the footprint, its edge included.</summary>
        public bool LiesUnder(int x, int z)
        {
            long dx = (2 * x) - X2;
            long dz = (2 * z) - Z2;
            return Math.Abs((dx * Cosine) - (dz * Sine)) <= (long)SizeX * YawTable.Scale
                && Math.Abs((dx * Sine) + (dz * Cosine)) <= (long)SizeZ * YawTable.Scale;
        }
    }
}
