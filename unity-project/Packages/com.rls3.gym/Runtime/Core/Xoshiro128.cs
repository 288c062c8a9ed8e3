#nullable enable
using System;

namespace Rls3.Gym.Core
{
    /// <summary>
    /// The one generator of layouts: xoshiro128** (Blackman and Vigna, 2018) seeded by SplitMix32, bit for bit that of
    /// the trainer.
    /// </summary>
    public struct Xoshiro128
    {
        private uint a;
        private uint b;
        private uint c;
        private uint d;

        /// <param name="seed">From 0 to 2^53 − 1: its low 32 bits, then its high bits mixed in, start SplitMix32.</param>
        public Xoshiro128(long seed)
        {
            if (seed < 0 || seed > 9007199254740991L)
            {
                throw new ArgumentOutOfRangeException(nameof(seed), $"a seed is an integer from 0 to 2^53 - 1, not {seed}");
            }
            unchecked
            {
                var counter = (uint)seed ^ ((uint)(seed >> 32) * 0x9e3779b1u);
                a = SplitMix(ref counter);
                b = SplitMix(ref counter);
                c = SplitMix(ref counter);
                d = SplitMix(ref counter);
            }
            if ((a | b | c | d) == 0)
            {
                a = 1;
            }
        }

        /// <summary>Uniform over 0 … 2^32 − 1.</summary>
        public uint NextUInt32()
        {
            unchecked
            {
                var result = RotateLeft(b * 5, 7) * 9;
                var t = b << 9;
                c ^= a;
                d ^= b;
                b ^= c;
                a ^= d;
                c ^= t;
                d = RotateLeft(d, 11);
                return result;
            }
        }

        /// <summary>Uniform over 0 … n − 1, n ≤ 2^21: ⌊uint32 · n / 2^32⌋.</summary>
        public int Below(int n) => (int)(((ulong)NextUInt32() * (ulong)n) >> 32);

        /// <summary>A permutation of 0 … length − 1 (Fisher–Yates from the end).</summary>
        public void Permute(Span<int> order)
        {
            for (var i = 0; i < order.Length; i++)
            {
                order[i] = i;
            }
            for (var i = order.Length - 1; i > 0; i--)
            {
                var j = Below(i + 1);
                (order[i], order[j]) = (order[j], order[i]);
            }
        }

        private static uint SplitMix(ref uint counter)
        {
            unchecked
            {
                counter += 0x9e3779b9u;
                var z = counter;
                z = (z ^ (z >> 16)) * 0x85ebca6bu;
                z = (z ^ (z >> 13)) * 0xc2b2ae35u;
                return z ^ (z >> 16);
            }
        }

        private static uint RotateLeft(uint x, int k) => (x << k) | (x >> (32 - k));
    }
}
