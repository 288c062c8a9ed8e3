#nullable enable
using System;
using System.Buffers.Binary;
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
        private byte[] buffer;

        public MessagePackWriter(int capacity = 1024)
        {
            buffer = new byte[capacity];
        }

        /// <summary>Bytes written so far. May be set back to drop what was written since.</summary>
        public int Length { get; private set; }

        public ReadOnlySpan<byte> Written => buffer.AsSpan(0, Length);

        public byte[] ToArray() => Written.ToArray();

        public void Truncate(int length)
        {
            if (length < 0 || length > Length)
            {
                throw new ArgumentOutOfRangeException(nameof(length));
            }
            Length = length;
        }

        public void Map(int count)
        {
            if (count < 16)
            {
                Take(1)[0] = (byte)(0x80 | count);
                return;
            }
            Header(0xde, 0xdf, count);
        }

        public void Array(int count)
        {
            if (count < 16)
            {
                Take(1)[0] = (byte)(0x90 | count);
                return;
            }
            Header(0xdc, 0xdd, count);
        }

        public void Key(string key) => Value(key);

        public void Nil() => Take(1)[0] = 0xc0;

        public void Value(bool value) => Take(1)[0] = value ? (byte)0xc3 : (byte)0xc2;

        public void Value(double value)
        {
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
                Header(0xda, 0xdb, bytes);
            }
            Encoding.UTF8.GetBytes(value, Take(bytes));
        }

        /// <summary>Sixteen hexadecimal digits as a string, without one being made.</summary>
        public void HexDigits(ulong value)
        {
            var at = Take(17);
            at[0] = 0xa0 | 16;
            for (var i = 16; i > 0; i--)
            {
                at[i] = (byte)"0123456789abcdef"[(int)(value & 15)];
                value >>= 4;
            }
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

        private void Header(byte type16, byte type32, int count)
        {
            if (count < 0x10000)
            {
                var at = Take(3);
                at[0] = type16;
                BinaryPrimitives.WriteUInt16BigEndian(at.Slice(1), (ushort)count);
                return;
            }
            var large = Take(5);
            large[0] = type32;
            BinaryPrimitives.WriteUInt32BigEndian(large.Slice(1), (uint)count);
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
                System.Array.Resize(ref buffer, Math.Max(2 * buffer.Length, Length + bytes));
            }
        }
    }
}
