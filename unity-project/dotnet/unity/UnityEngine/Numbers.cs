using System;
using UnityEngine.StandIn;

namespace UnityEngine
{
    public struct Vector2
    {
    }

    public struct Vector3
    {
        public float x;
        public float y;
        public float z;

        public Vector3(float x, float y, float z)
        {
            this.x = x;
            this.y = y;
            this.z = z;
        }

        public static Vector3 zero => new Vector3(0f, 0f, 0f);
        public static Vector3 one => new Vector3(1f, 1f, 1f);
        public static Vector3 up => new Vector3(0f, 1f, 0f);
        public static Vector3 down => new Vector3(0f, -1f, 0f);

        // ScriptReference Vector3.Normalize: a vector too small to normalise becomes zero.
        public Vector3 normalized
        {
            get
            {
                var length = Distance(this, zero);
                return length > 1e-5f ? this / length : zero;
            }
        }

        public static float Distance(Vector3 a, Vector3 b)
        {
            var way = a - b;
            return (float)Math.Sqrt((way.x * way.x) + (way.y * way.y) + (way.z * way.z));
        }

        public static Vector3 operator +(Vector3 a, Vector3 b) => new Vector3(a.x + b.x, a.y + b.y, a.z + b.z);
        public static Vector3 operator -(Vector3 a, Vector3 b) => new Vector3(a.x - b.x, a.y - b.y, a.z - b.z);
        public static Vector3 operator *(Vector3 a, float d) => new Vector3(a.x * d, a.y * d, a.z * d);
        public static Vector3 operator *(float d, Vector3 a) => a * d;
        public static Vector3 operator /(Vector3 a, float d) => new Vector3(a.x / d, a.y / d, a.z / d);
    }

    public struct Vector4
    {
        internal float X;
        internal float Y;
        internal float Z;
        internal float W;

        public Vector4(float x, float y, float z, float w)
        {
            X = x;
            Y = y;
            Z = z;
            W = w;
        }

        internal Vector3 Xyz => new Vector3(X, Y, Z);

        // Source Runtime/Export/Math/Vector4.cs: w is 0.
        public static implicit operator Vector4(Vector3 v) => new Vector4(v.x, v.y, v.z, 0f);
    }

    public struct Quaternion
    {
        internal float X;
        internal float Y;
        internal float Z;
        internal float W;

        internal static Quaternion Identity => new Quaternion { W = 1f };

        // ScriptReference Quaternion.Euler: about z first, then x, then y. Degrees.
        public static Quaternion Euler(float x, float y, float z) =>
            About(Vector3.up, y).Times(About(new Vector3(1f, 0f, 0f), x)).Times(About(new Vector3(0f, 0f, 1f), z));

        // ScriptReference Quaternion.LookRotation: z points forward, and y as far upwards as that leaves it.
        public static Quaternion LookRotation(Vector3 forward, Vector3 upwards)
        {
            var z = forward.normalized;
            var x = Geometry.Cross(upwards, z).normalized;
            return Geometry.Rotation(x, Geometry.Cross(z, x), z);
        }

        internal Quaternion Times(Quaternion o) => new Quaternion
        {
            X = (W * o.X) + (X * o.W) + (Y * o.Z) - (Z * o.Y),
            Y = (W * o.Y) - (X * o.Z) + (Y * o.W) + (Z * o.X),
            Z = (W * o.Z) + (X * o.Y) - (Y * o.X) + (Z * o.W),
            W = (W * o.W) - (X * o.X) - (Y * o.Y) - (Z * o.Z),
        };

        internal Quaternion Inverse => new Quaternion { X = -X, Y = -Y, Z = -Z, W = W };

        internal Vector3 Turn(Vector3 v)
        {
            var axis = new Vector3(X, Y, Z);
            var across = 2f * Geometry.Cross(axis, v);
            return v + (across * W) + Geometry.Cross(axis, across);
        }

        private static Quaternion About(Vector3 axis, float degrees)
        {
            var half = degrees * Math.PI / 360.0;
            var sine = (float)Math.Sin(half);
            return new Quaternion { X = axis.x * sine, Y = axis.y * sine, Z = axis.z * sine, W = (float)Math.Cos(half) };
        }
    }

    public enum ColorSpace
    {
        Linear = 1,
    }

    public struct Color
    {
        public float r;
        public float g;
        public float b;
        internal float Alpha;

        public Color(float r, float g, float b, float a)
        {
            this.r = r;
            this.g = g;
            this.b = b;
            Alpha = a;
        }

        public static Color clear => new Color(0f, 0f, 0f, 0f);

        // Source Runtime/Export/Math/Color.cs: Mathf.LinearToGammaSpace of each channel, and not of alpha.
        public Color gamma => new Color(ToGamma(r), ToGamma(g), ToGamma(b), Alpha);

        /// <summary>The other way, as Unity's Color.linear has it: Mathf.GammaToLinearSpace.</summary>
        internal Color Linear => new Color(ToLinear(r), ToLinear(g), ToLinear(b), Alpha);

        // The curve of sRGB (Manual "Differences between linear and gamma color space").
        private static float ToGamma(float value) => value <= 0.0031308f ? 12.92f * value : (1.055f * (float)Math.Pow(value, 1.0 / 2.4)) - 0.055f;

        private static float ToLinear(float value) => value <= 0.04045f ? value / 12.92f : (float)Math.Pow((value + 0.055f) / 1.055f, 2.4);
    }

    public struct Rect
    {
        internal readonly int X;
        internal readonly int Y;
        internal readonly int Width;
        internal readonly int Height;

        public Rect(float x, float y, float width, float height)
        {
            X = (int)x;
            Y = (int)y;
            Width = (int)width;
            Height = (int)height;
        }
    }

    public struct Mathf
    {
        public const float PI = 3.14159274F;
        public const float Rad2Deg = 57.29578F;
        public static float Abs(float f) => Math.Abs(f);
        public static float Atan(float f) => (float)Math.Atan(f);
        public static float Cos(float f) => (float)Math.Cos(f);
        public static float Sin(float f) => (float)Math.Sin(f);
        public static float Max(float a, float b) => a > b ? a : b;
        public static int Max(int a, int b) => a > b ? a : b;
        public static float Clamp(float value, float min, float max) => value < min ? min : value > max ? max : value;
    }
}

namespace UnityEngine.StandIn
{
    internal static class Geometry
    {
        public static float Dot(Vector3 a, Vector3 b) => (a.x * b.x) + (a.y * b.y) + (a.z * b.z);

        public static Vector3 Cross(Vector3 a, Vector3 b) =>
            new Vector3((a.y * b.z) - (a.z * b.y), (a.z * b.x) - (a.x * b.z), (a.x * b.y) - (a.y * b.x));

        public static Vector3 Scaled(Vector3 a, Vector3 b) => new Vector3(a.x * b.x, a.y * b.y, a.z * b.z);

        /// <summary>The rotation whose axes these are.</summary>
        public static Quaternion Rotation(Vector3 x, Vector3 y, Vector3 z)
        {
            // The largest of the four components first: dividing by it loses nothing.
            var trace = x.x + y.y + z.z;
            if (trace > 0f)
            {
                var s = 2f * (float)Math.Sqrt(trace + 1f);
                return new Quaternion { W = s / 4f, X = (y.z - z.y) / s, Y = (z.x - x.z) / s, Z = (x.y - y.x) / s };
            }
            if (x.x > y.y && x.x > z.z)
            {
                var s = 2f * (float)Math.Sqrt(1f + x.x - y.y - z.z);
                return new Quaternion { W = (y.z - z.y) / s, X = s / 4f, Y = (y.x + x.y) / s, Z = (z.x + x.z) / s };
            }
            if (y.y > z.z)
            {
                var s = 2f * (float)Math.Sqrt(1f + y.y - x.x - z.z);
                return new Quaternion { W = (z.x - x.z) / s, X = (y.x + x.y) / s, Y = s / 4f, Z = (z.y + y.z) / s };
            }
            var t = 2f * (float)Math.Sqrt(1f + z.z - x.x - y.y);
            return new Quaternion { W = (x.y - y.x) / t, X = (z.x + x.z) / t, Y = (z.y + y.z) / t, Z = t / 4f };
        }
    }

    /// <summary>
    /// Three axes and an origin in single precision, as the engine passes them to shaders, so places far from the origin are as
    /// coarse here as there.
    /// </summary>
    internal readonly struct Matrix
    {
        private readonly Vector3 x;
        private readonly Vector3 y;
        private readonly Vector3 z;
        private readonly Vector3 origin;

        public Matrix(Vector3 x, Vector3 y, Vector3 z, Vector3 origin)
        {
            this.x = x;
            this.y = y;
            this.z = z;
            this.origin = origin;
        }

        public static Matrix Of(Vector3 position, Quaternion rotation, Vector3 scale) => new Matrix(
            rotation.Turn(new Vector3(scale.x, 0f, 0f)), rotation.Turn(new Vector3(0f, scale.y, 0f)), rotation.Turn(new Vector3(0f, 0f, scale.z)), position);

        public Vector3 Point(Vector3 p) => Way(p) + origin;

        public Vector3 Way(Vector3 p) => (x * p.x) + (y * p.y) + (z * p.z);

        public Matrix Times(Matrix inner) => new Matrix(Way(inner.x), Way(inner.y), Way(inner.z), Point(inner.origin));

        /// <summary>A normal stays perpendicular to its surface when scales differ: it is turned by the inverse's transpose.</summary>
        public Vector3 Normal(Vector3 n)
        {
            var turned = (Geometry.Cross(y, z) * n.x) + (Geometry.Cross(z, x) * n.y) + (Geometry.Cross(x, y) * n.z);
            return Geometry.Dot(x, Geometry.Cross(y, z)) < 0f ? turned * -1f : turned;
        }
    }
}
