#nullable enable
using System;

namespace Rls3.Gym.Core
{
    /// <summary>The state hash: two 32-bit lanes over the state's integers (Catalog~/README.md has it step by step).</summary>
    public static class StateHash
    {
        /// <summary>Goes into the hash first, and changes whenever the algorithm does.</summary>
        public const int Version = 1;

        /// <summary>Digits of the hash as text.</summary>
        public const int Digits = 16;

        public static ulong Compute(int scene, ReadOnlySpan<int> objects)
        {
            unchecked
            {
                var low = 0x243f6a88u;
                var high = 0x85a308d3u;
                Add(ref low, ref high, Version);
                Add(ref low, ref high, (uint)scene);
                foreach (var word in objects)
                {
                    Add(ref low, ref high, (uint)word);
                }
                low = Finish(low ^ high);
                high = Finish(high ^ (low * 5));
                return ((ulong)high << 32) | low;
            }
        }

        /// <summary>Sixteen lower-case hexadecimal digits.</summary>
        public static void Format(ulong hash, Span<char> digits)
        {
            for (var i = Digits - 1; i >= 0; i--)
            {
                digits[i] = "0123456789abcdef"[(int)(hash & 15)];
                hash >>= 4;
            }
        }

        private static void Add(ref uint low, ref uint high, uint word)
        {
            unchecked
            {
                low = (low ^ word) * 0x01000193u;
                low = (low << 13) | (low >> 19);
                high = (high ^ word) * 0x85ebca6bu;
                high = (high << 15) | (high >> 17);
            }
        }

        // Every bit of the input reaches every bit of the output.
        private static uint Finish(uint word)
        {
            unchecked
            {
                var value = word ^ (word >> 16);
                value *= 0x85ebca6bu;
                value ^= value >> 13;
                value *= 0xc2b2ae35u;
                return value ^ (value >> 16);
            }
        }
    }
}
