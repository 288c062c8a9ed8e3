#nullable enable
using Rls3.Gym.Core;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>
    /// The one place where the world's frame (right-handed, y up, millimetres) becomes Unity's (left-handed, metres): z is
    /// negated, and so is the sense of yaw.
    /// </summary>
    public static class UnityFrame
    {
        public static Vector3 Point(float x, float y, float z) => new Vector3(x / 1000f, y / 1000f, -z / 1000f);

        public static Vector3 Size(float x, float y, float z) => new Vector3(x / 1000f, y / 1000f, z / 1000f);

        public static Vector3 Direction(float x, float y, float z) => new Vector3(x, y, -z);

        public static Quaternion Yaw(int step, int yawSteps) => Quaternion.Euler(0f, -360f * step / yawSteps, 0f);

        /// <summary>Three numbers of a catalog's document.</summary>
        public static Vector3 Numbers(WireValue? array) => array == null || array.Items.Count != 3
            ? Vector3.zero
            : new Vector3((float)array.Items[0].Number, (float)array.Items[1].Number, (float)array.Items[2].Number);

        public static Color Colour(WireValue? array)
        {
            var numbers = Numbers(array);
            return new Color(numbers.x, numbers.y, numbers.z, 1f);
        }
    }
}
