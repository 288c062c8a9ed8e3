#nullable enable
namespace Rls3.Gym.Core
{
    /// <summary>Cosines and sines as integers scaled by 2^14: the only angles that enter a rule. Catalog~/yaw.json has the same numbers.</summary>
    public static class YawTable
    {
        public const int Shift = 14;
        public const int Scale = 1 << Shift;
        public const int Steps = 24;

        private static readonly int[] Cosines =
        {
            16384, 15826, 14189, 11585, 8192, 4240, 0, -4240, -8192, -11585, -14189, -15826,
            -16384, -15826, -14189, -11585, -8192, -4240, 0, 4240, 8192, 11585, 14189, 15826,
        };

        /// <summary>Cosine of step <paramref name="yaw"/> of <paramref name="yawSteps"/>, scaled by 2^14.</summary>
        public static int Cosine(int yaw, int yawSteps) => Cosines[yaw * (Steps / yawSteps)];

        /// <summary>Sine of the same step: the cosine a quarter turn earlier.</summary>
        public static int Sine(int yaw, int yawSteps) => Cosines[((yaw * (Steps / yawSteps)) + (Steps * 3 / 4)) % Steps];
    }
}
