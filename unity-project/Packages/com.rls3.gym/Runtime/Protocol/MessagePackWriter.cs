#nullable enable
using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;
using Rls3.Gym.Core;

namespace Rls3.Gym.Protocol
{
    /// <summary>
    /// Writes msgpack into a buffer that it keeps, by hand: no resolver, so nothing that IL2CPP would have to generate ahead
    /// of time. Each value takes the shortest form; integers beyond 32 bits are float 64, as the trainer's codec writes them.
    /// </summary>
    public sealed class MessagePackWriter : IWireWriter
    {
        private enum Kinds : byte
        {
            // Outside of everything: any number of values, one after another.
            Root,
            Map,
            Array,

            // The place of one value that somebody else writes; it has no header.
            Single,
        }

        // What has been begun and not ended.
        private struct Scope
        {
            public readonly Kinds Kind;

            // Where its header is.
            public readonly int Start;

            // Its keys and its values so far.
            public int Parts;

            public Scope(Kinds kind, int start)
            {
                Kind = kind;
                Start = start;
                Parts = 0;
            }
        }

        /// <summary>A position in what is written, to return to.</summary>
        internal readonly struct Mark
        {
            private readonly MessagePackWriter writer;
            private readonly int length;
            private readonly int depth;
            private readonly Scope scope;

            public Mark(MessagePackWriter writer)
            {
                this.writer = writer;
                length = writer.Length;
                depth = writer.depth;
                scope = writer.current;
            }

            /// <summary>Drops what was written since the mark, maps and arrays that were not ended included.</summary>
            public void Rewind()
            {
                if (length > writer.Length || depth > writer.depth)
                {
                    throw new InvalidOperationException("the writer is before this mark");
                }
                writer.Length = length;
                writer.depth = depth;
                writer.current = scope;
            }
        }

        private byte[] buffer;
        private Scope[] around = new Scope[8];
        private Scope current;
        private int depth;

        public MessagePackWriter(int capacity = 1024)
        {
            buffer = new byte[capacity];
        }

        /// <summary>Bytes written so far.</summary>
        public int Length { get; private set; }

        /// <summary>What was written, with every map and array ended.</summary>
        public ReadOnlySpan<byte> Written
        {
            get
            {
                if (depth > 0)
                {
                    throw new InvalidOperationException(Open());
                }
                return buffer.AsSpan(0, Length);
            }
        }

        public byte[] ToArray() => Written.ToArray();

        /// <summary>Starts anew in the same buffer.</summary>
        public void Clear()
        {
            Length = 0;
            depth = 0;
            current = default;
        }

        internal Mark Here() => new Mark(this);

        public void BeginMap()
        {
            Begin(Kinds.Map);
            Take(1);
        }

        public void EndMap()
        {
            if ((current.Parts & 1) != 0 && current.Kind == Kinds.Map)
            {
                throw new InvalidOperationException("the last key of a map has no value");
            }
            End(Kinds.Map, 0x80, 0xde, current.Parts / 2);
        }

        public void BeginArray()
        {
            Begin(Kinds.Array);
            Take(1);
        }

        public void EndArray() => End(Kinds.Array, 0x90, 0xdc, current.Parts);

        /// <summary>The place of one value that somebody else writes, who can't end what was begun before it.</summary>
        internal void BeginSingle() => Begin(Kinds.Single);

        internal void EndSingle()
        {
            if (current.Kind != Kinds.Single)
            {
                throw new InvalidOperationException(Open());
            }
            if (current.Parts != 1)
            {
                throw new InvalidOperationException($"{current.Parts} values were written where one belongs");
            }
            current = around[--depth];
        }

        public void Key(string key)
        {
            if (current.Kind != Kinds.Map || (current.Parts & 1) != 0)
            {
                throw MisplacedKey(key);
            }
            current.Parts++;
            Text(key);
        }

        public void Nil()
        {
            CountValue();
            Take(1)[0] = 0xc0;
        }

        public void Value(bool value)
        {
            CountValue();
            Take(1)[0] = value ? (byte)0xc3 : (byte)0xc2;
        }

        public void Value(double value)
        {
            CountValue();
            if (value >= 0 && value <= uint.MaxValue && value == (uint)value)
            {
                Unsigned((uint)value);
            }
            else if (value < 0 && value >= int.MinValue && value == (int)value)
            {
                Negative((int)value);
            }
            else
            {
                var at = Take(9);
                at[0] = 0xcb;
                BinaryPrimitives.WriteInt64BigEndian(at.Slice(1), BitConverter.DoubleToInt64Bits(value));
            }
        }

        public void Value(string value)
        {
            CountValue();
            Text(value);
        }

        /// <summary>Sixteen hexadecimal digits as a string, without one being made.</summary>
        public void HexDigits(ulong value)
        {
            CountValue();
            var at = Take(17);
            at[0] = 0xa0 | 16;
            for (var i = 16; i > 0; i--)
            {
                at[i] = (byte)"0123456789abcdef"[(int)(value & 15)];
                value >>= 4;
            }
        }

        private void Begin(Kinds kind)
        {
            CountValue();
            if (depth == around.Length)
            {
                Array.Resize(ref around, 2 * depth);
            }
            around[depth++] = current;
            current = new Scope(kind, Length);
        }

        private void End(Kinds kind, byte fix, byte type16, int count)
        {
            if (current.Kind != kind)
            {
                throw MisplacedEnd(kind);
            }
            var start = current.Start;
            current = around[--depth];
            if (count < 16)
            {
                buffer[start] = (byte)(fix | count);
                return;
            }
            // Begin left one byte for the header, which is what nearly all take; what follows makes room for a longer one.
            var contents = Length - (start + 1);
            var header = HeaderBytes(count);
            Take(header - 1);
            buffer.AsSpan(start + 1, contents).CopyTo(buffer.AsSpan(start + header));
            WriteHeader(buffer.AsSpan(start, header), type16, count);
        }

        // Of each value of each message: the errors are made elsewhere, so that it is small enough to be inlined.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void CountValue()
        {
            if (current.Kind == Kinds.Map && (current.Parts & 1) == 0)
            {
                throw MisplacedValue();
            }
            current.Parts++;
        }

        private static InvalidOperationException MisplacedValue() => new InvalidOperationException("a value in a map needs a key before it");

        private InvalidOperationException MisplacedKey(string key) => new InvalidOperationException(
            current.Kind == Kinds.Map ? $"the key before \"{key}\" has no value" : $"the key \"{key}\" is not in a map: BeginMap comes first");

        private InvalidOperationException MisplacedEnd(Kinds kind)
        {
            var other = current.Kind == Kinds.Map || current.Kind == Kinds.Array;
            return new InvalidOperationException(other ? Open() : $"End{kind} without Begin{kind}");
        }

        private string Open() => $"Begin{current.Kind} without End{current.Kind}";

        private void Text(string value)
        {
            // At most three bytes for each of a string's 16-bit units.
            var bytes = value.Length * 3 < 32 ? -1 : Encoding.UTF8.GetByteCount(value);
            if (bytes < 32)
            {
                Reserve(1 + (bytes < 0 ? 32 : bytes));
                var written = Encoding.UTF8.GetBytes(value, 0, value.Length, buffer, Length + 1);
                buffer[Length] = (byte)(0xa0 | written);
                Length += 1 + written;
                return;
            }
            if (bytes < 0x100)
            {
                var at = Take(2);
                at[0] = 0xd9;
                at[1] = (byte)bytes;
            }
            else
            {
                WriteHeader(Take(HeaderBytes(bytes)), 0xda, bytes);
            }
            Encoding.UTF8.GetBytes(value, Take(bytes));
        }

        private void Unsigned(uint value)
        {
            if (value < 0x80)
            {
                Take(1)[0] = (byte)value;
            }
            else if (value < 0x100)
            {
                var at = Take(2);
                at[0] = 0xcc;
                at[1] = (byte)value;
            }
            else if (value < 0x10000)
            {
                var at = Take(3);
                at[0] = 0xcd;
                BinaryPrimitives.WriteUInt16BigEndian(at.Slice(1), (ushort)value);
            }
            else
            {
                var at = Take(5);
                at[0] = 0xce;
                BinaryPrimitives.WriteUInt32BigEndian(at.Slice(1), value);
            }
        }

        private void Negative(int value)
        {
            if (value >= -0x20)
            {
                Take(1)[0] = unchecked((byte)value);
            }
            else if (value >= sbyte.MinValue)
            {
                var at = Take(2);
                at[0] = 0xd0;
                at[1] = unchecked((byte)value);
            }
            else if (value >= short.MinValue)
            {
                var at = Take(3);
                at[0] = 0xd1;
                BinaryPrimitives.WriteInt16BigEndian(at.Slice(1), (short)value);
            }
            else
            {
                var at = Take(5);
                at[0] = 0xd2;
                BinaryPrimitives.WriteInt32BigEndian(at.Slice(1), value);
            }
        }

        // Of what has no shorter form: a type and a size of 16 or 32 bits.
        private static int HeaderBytes(int size) => size < 0x10000 ? 3 : 5;

        // The type with 32 bits comes right after the one with 16, of strings, arrays and maps alike.
        private static void WriteHeader(Span<byte> header, byte type16, int size)
        {
            if (header.Length == 3)
            {
                header[0] = type16;
                BinaryPrimitives.WriteUInt16BigEndian(header.Slice(1), (ushort)size);
                return;
            }
            header[0] = (byte)(type16 + 1);
            BinaryPrimitives.WriteUInt32BigEndian(header.Slice(1), (uint)size);
        }

        private Span<byte> Take(int bytes)
        {
            Reserve(bytes);
            var taken = buffer.AsSpan(Length, bytes);
            Length += bytes;
            return taken;
        }

        private void Reserve(int bytes)
        {
            if (Length + bytes > buffer.Length)
            {
                Array.Resize(ref buffer, Math.Max(2 * buffer.Length, Length + bytes));
            }
        }
    }
}
