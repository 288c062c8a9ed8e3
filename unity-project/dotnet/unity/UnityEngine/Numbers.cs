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
        public Vector3(float x, float y, float z) => throw null;
        public static Vector3 zero => throw null;
        public static Vector3 one => throw null;
        public static Vector3 up => throw null;
        public static Vector3 down => throw null;
        public Vector3 normalized => throw null;
        public static float Distance(Vector3 a, Vector3 b) => throw null;
        public static Vector3 operator +(Vector3 a, Vector3 b) => throw null;
        public static Vector3 operator -(Vector3 a, Vector3 b) => throw null;
        public static Vector3 operator *(Vector3 a, float d) => throw null;
        public static Vector3 operator *(float d, Vector3 a) => throw null;
        public static Vector3 operator /(Vector3 a, float d) => throw null;
    }

    public struct Vector4
    {
        public Vector4(float x, float y, float z, float w) => throw null;
        public static implicit operator Vector4(Vector3 v) => throw null;
    }

    public struct Quaternion
    {
        public static Quaternion Euler(float x, float y, float z) => throw null;
        public static Quaternion LookRotation(Vector3 forward, Vector3 upwards) => throw null;
    }

    public struct Color
    {
        public float r;
        public float g;
        public float b;
        public Color(float r, float g, float b, float a) => throw null;
        public static Color clear => throw null;
    }

    public struct Rect
    {
        public Rect(float x, float y, float width, float height) => throw null;
    }

    public struct Mathf
    {
        public const float PI = 3.14159274F;
        public const float Rad2Deg = 57.29578F;
        public static float Abs(float f) => throw null;
        public static float Atan(float f) => throw null;
        public static float Cos(float f) => throw null;
        public static float Sin(float f) => throw null;
        public static float Clamp(float value, float min, float max) => throw null;
    }
}
