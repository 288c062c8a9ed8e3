#nullable enable
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Rls3.Gym.Core
{
    /// <summary>Type of a tensor's elements, little-endian on the wire.</summary>
    public enum DType
    {
        Float32,
        Float64,
        Int32,
        UInt8,
    }

    /// <summary>One tensor of one environment; on the wire a batch axis is put in front of Shape.</summary>
    public sealed class TensorSpec
    {
        private const int MostAxes = 8;

        /// <summary>Of one environment's tensor: the largest frame that a client takes unless it says otherwise.</summary>
        private const double MostBytes = 1 << 30;

        /// <param name="uid">Its name in messages.</param>
        /// <param name="dtype">Type of the elements.</param>
        /// <param name="shape">Without the batch axis: at most 8 positive integers, 1 GiB altogether; empty is a scalar.</param>
        /// <param name="low">Inclusive bounds: one for all elements, one for each, or null for none.</param>
        /// <param name="high">Likewise.</param>
        /// <param name="names">What each element means; as many as elements, or null.</param>
        /// <param name="graphics">Only to be had from a server with a renderer.</param>
        /// <exception cref="ArgumentException">No client would take it.</exception>
        public TensorSpec(string uid, DType dtype, int[] shape, double[]? low = null, double[]? high = null, string[]? names = null, bool graphics = false)
        {
            Uid = uid;
            DType = dtype;
            Shape = shape;
            Low = low;
            High = high;
            Names = names;
            Graphics = graphics;
            Elements = Count(uid, dtype, shape);
            RequireCount(low == null || low.Length == 1 || low.Length == Elements, "low");
            RequireCount(high == null || high.Length == 1 || high.Length == Elements, "high");
            RequireCount(names == null || names.Length == Elements, "names");
            for (var i = 0; i < Math.Max(low?.Length ?? 0, high?.Length ?? 0); i++)
            {
                if (!(LowOf(i) <= HighOf(i)))
                {
                    throw new ArgumentException($"{uid}: low {LowOf(i)} must not be above high {HighOf(i)} at element {i}, and neither may be NaN");
                }
            }
        }

        public string Uid { get; }

        public DType DType { get; }

        public IReadOnlyList<int> Shape { get; }

        public IReadOnlyList<double>? Low { get; }

        public IReadOnlyList<double>? High { get; }

        public IReadOnlyList<string>? Names { get; }

        public bool Graphics { get; }

        public int Elements { get; }

        public int Bytes => Elements * SizeOf(DType);

        public double LowOf(int element) => Low == null ? double.NegativeInfinity : Low[Low.Count == 1 ? 0 : element];

        public double HighOf(int element) => High == null ? double.PositiveInfinity : High[High.Count == 1 ? 0 : element];

        public static int SizeOf(DType dtype) => dtype == DType.Float64 ? 8 : dtype == DType.UInt8 ? 1 : 4;

        public static string NameOf(DType dtype)
        {
            switch (dtype)
            {
                case DType.Float32:
                    return "float32";
                case DType.Float64:
                    return "float64";
                case DType.Int32:
                    return "int32";
                default:
                    return "uint8";
            }
        }

        public void WriteTo(IWireWriter writer)
        {
            writer.BeginMap();
            writer.Key("uid");
            writer.Value(Uid);
            writer.Key("dtype");
            writer.Value(NameOf(DType));
            writer.Key("shape");
            writer.BeginArray();
            foreach (var size in Shape)
            {
                writer.Value(size);
            }
            writer.EndArray();
            WriteBound(writer, "low", Low);
            WriteBound(writer, "high", High);
            if (Names != null)
            {
                writer.Key("names");
                writer.BeginArray();
                foreach (var name in Names)
                {
                    writer.Value(name);
                }
                writer.EndArray();
            }
            if (Graphics)
            {
                writer.Key("graphics");
                writer.Value(true);
            }
            writer.EndMap();
        }

        private static void WriteBound(IWireWriter writer, string key, IReadOnlyList<double>? bound)
        {
            if (bound == null)
            {
                return;
            }
            writer.Key(key);
            if (bound.Count == 1)
            {
                writer.Value(bound[0]);
                return;
            }
            writer.BeginArray();
            foreach (var value in bound)
            {
                writer.Value(value);
            }
            writer.EndArray();
        }

        private static int Count(string uid, DType dtype, int[] shape)
        {
            var shown = $"[{string.Join(", ", shape)}]";
            if (uid == "")
            {
                throw new ArgumentException("uid must be a non-empty string");
            }
            if (shape.Length > MostAxes || Array.Exists(shape, size => size < 1))
            {
                throw new ArgumentException($"{uid}: shape must be at most {MostAxes} positive integers, not {shown}");
            }
            // A double, since the product of eight may be beyond any integer.
            var bytes = (double)SizeOf(dtype);
            foreach (var size in shape)
            {
                bytes *= size;
            }
            if (bytes > MostBytes)
            {
                throw new ArgumentException($"{uid}: shape {shown} takes {bytes} bytes, and at most {MostBytes} are taken");
            }
            return (int)bytes / SizeOf(dtype);
        }

        private void RequireCount(bool right, string what)
        {
            if (!right)
            {
                throw new ArgumentException($"{Uid}: {what} must have one value for each of the {Elements} elements");
            }
        }
    }

    /// <summary>One environment's tensor: the bytes as they cross the wire, and views of them by element type.</summary>
    public readonly ref struct TensorSpan
    {
        public readonly Span<byte> Bytes;

        public TensorSpan(Span<byte> bytes)
        {
            Bytes = bytes;
        }

        public Span<float> Float32 => MemoryMarshal.Cast<byte, float>(Bytes);

        public Span<double> Float64 => MemoryMarshal.Cast<byte, double>(Bytes);

        public Span<int> Int32 => MemoryMarshal.Cast<byte, int>(Bytes);

        public double ElementAt(DType dtype, int element)
        {
            switch (dtype)
            {
                case DType.Float32:
                    return Float32[element];
                case DType.Float64:
                    return Float64[element];
                case DType.Int32:
                    return Int32[element];
                default:
                    return Bytes[element];
            }
        }
    }
}
