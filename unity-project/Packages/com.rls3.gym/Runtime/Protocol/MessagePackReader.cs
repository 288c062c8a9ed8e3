#nullable enable
using System;
using System.Buffers.Binary;
using System.Text;
using Rls3.Gym.Core;

namespace Rls3.Gym.Protocol
{
    /// <summary>Limits of the decoder, so that no peer can make it allocate without bound: those of MessagePack's UntrustedData, and tighter.</summary>
    public static class DecoderLimits
    {
        public const int HeaderBytes = 4 * 1024 * 1024;
        public const int Depth = 16;
        public const int Values = 200_000;
        public const int StringBytes = 65_536;
        public const int Frames = 64;
    }

    /// <summary>
    /// Reads one msgpack map: nil, booleans, numbers, strings, arrays and maps with string keys, and nothing else. Every count is
    /// checked against the remaining bytes before it is used; nothing in the bytes can choose a type to construct.
    /// </summary>
    public ref struct MessagePackReader
    {
        private readonly ReadOnlySpan<byte> bytes;
        private int at;
        private int values;

        private MessagePackReader(ReadOnlySpan<byte> bytes)
        {
            this.bytes = bytes;
            at = 0;
            values = 0;
        }

        /// <exception cref="ProtocolException">BAD_MESSAGE naming what is wrong and at which byte.</exception>
        public static WireValue DecodeHeader(ReadOnlySpan<byte> bytes)
        {
            if (bytes.Length > DecoderLimits.HeaderBytes)
            {
                throw Bad($"the header has {bytes.Length} bytes; at most {DecoderLimits.HeaderBytes} are allowed");
            }
            var first = bytes.Length == 0 ? (byte)0xc1 : bytes[0];
            if (!((first >= 0x80 && first <= 0x8f) || first == 0xde || first == 0xdf))
            {
                throw Bad("the first frame must be a msgpack map: the header");
            }
            var reader = new MessagePackReader(bytes);
            var value = reader.Value(0);
            if (reader.at != bytes.Length)
            {
                throw Bad($"{bytes.Length - reader.at} bytes follow the header's map at byte {reader.at}");
            }
            return value;
        }

        private WireValue Value(int depth)
        {
            var start = at;
            var type = Take(1)[0];
            if (++values > DecoderLimits.Values)
            {
                throw Bad($"more than {DecoderLimits.Values} values in a header");
            }
            if (type < 0x80)
            {
                return WireValue.Of((double)type);
            }
            if (type >= 0xe0)
            {
                return WireValue.Of((double)unchecked((sbyte)type));
            }
            if (type < 0x90)
            {
                return Map(type & 15, depth);
            }
            if (type < 0xa0)
            {
                return Array(type & 15, depth);
            }
            if (type < 0xc0)
            {
                return WireValue.Of(String(type & 31));
            }
            switch (type)
            {
                case 0xc0:
                    return WireValue.Nil;
                case 0xc2:
                    return WireValue.False;
                case 0xc3:
                    return WireValue.True;
                case 0xca:
                    return WireValue.Of((double)BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadInt32BigEndian(Take(4))));
                case 0xcb:
                    return WireValue.Of(BitConverter.Int64BitsToDouble(BinaryPrimitives.ReadInt64BigEndian(Take(8))));
                case 0xcc:
                    return WireValue.Of((double)Take(1)[0]);
                case 0xcd:
                    return WireValue.Of((double)BinaryPrimitives.ReadUInt16BigEndian(Take(2)));
                case 0xce:
                    return WireValue.Of((double)BinaryPrimitives.ReadUInt32BigEndian(Take(4)));
                case 0xcf:
                    return Exact(BinaryPrimitives.ReadUInt64BigEndian(Take(8)), start);
                case 0xd0:
                    return WireValue.Of((double)unchecked((sbyte)Take(1)[0]));
                case 0xd1:
                    return WireValue.Of((double)BinaryPrimitives.ReadInt16BigEndian(Take(2)));
                case 0xd2:
                    return WireValue.Of((double)BinaryPrimitives.ReadInt32BigEndian(Take(4)));
                case 0xd3:
                    return Exact(BinaryPrimitives.ReadInt64BigEndian(Take(8)), start);
                case 0xd9:
                case 0xda:
                case 0xdb:
                    return WireValue.Of(String(Count(type - 0xd9)));
                case 0xdc:
                case 0xdd:
                    return Array(Count(type - 0xdb), depth);
                case 0xde:
                case 0xdf:
                    return Map(Count(type - 0xdd), depth);
            }
            var what = type == 0xc1 ? "the reserved type c1" : type >= 0xc4 && type <= 0xc6 ? "binary" : "an extension type";
            throw Bad($"the header holds {what} at byte {start}; only nil, booleans, numbers, strings, arrays and maps are allowed");
        }

        // A count of 1, 2 or 4 bytes. Those beyond the bytes there are never come out of here as a negative number.
        private int Count(int size)
        {
            switch (size)
            {
                case 0:
                    return Take(1)[0];
                case 1:
                    return BinaryPrimitives.ReadUInt16BigEndian(Take(2));
                default:
                    return (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(Take(4)), int.MaxValue / 2);
            }
        }

        private string String(int size)
        {
            if (size > DecoderLimits.StringBytes)
            {
                throw Bad($"a string of {size} bytes at byte {at}; at most {DecoderLimits.StringBytes} are allowed");
            }
            return Encoding.UTF8.GetString(Take(size));
        }

        private WireValue Array(int count, int depth)
        {
            Enter(count, depth);
            var items = new WireValue[count];
            for (var i = 0; i < count; i++)
            {
                items[i] = Value(depth + 1);
            }
            return WireValue.OfArray(items);
        }

        private WireValue Map(int count, int depth)
        {
            Enter(2L * count, depth);
            var keys = new string[count];
            var items = new WireValue[count];
            for (var i = 0; i < count; i++)
            {
                var type = at < bytes.Length ? bytes[at] : (byte)0xc1;
                if (!((type >= 0xa0 && type < 0xc0) || (type >= 0xd9 && type <= 0xdb)))
                {
                    throw Bad($"a map key at byte {at} is not a string");
                }
                keys[i] = Value(depth + 1).Text;
                items[i] = Value(depth + 1);
            }
            return WireValue.OfMap(keys, items);
        }

        private void Enter(long count, int depth)
        {
            if (depth >= DecoderLimits.Depth)
            {
                throw Bad($"maps and arrays nest deeper than {DecoderLimits.Depth} at byte {at}");
            }
            if (count > bytes.Length - at)
            {
                throw Cut();
            }
        }

        private ReadOnlySpan<byte> Take(int size)
        {
            if (size > bytes.Length - at)
            {
                throw Cut();
            }
            var taken = bytes.Slice(at, size);
            at += size;
            return taken;
        }

        private static WireValue Exact(ulong value, int start) => value <= 9007199254740991UL ? WireValue.Of((double)value) : throw Beyond(value.ToString(), start);

        private static WireValue Exact(long value, int start) =>
            value >= -9007199254740991L && value <= 9007199254740991L ? WireValue.Of((double)value) : throw Beyond(value.ToString(), start);

        private static ProtocolException Beyond(string value, int start) => Bad($"the integer {value} at byte {start} is beyond ±(2^53 − 1)");

        private ProtocolException Cut() => Bad($"the header ends inside a value at byte {at}");

        private static ProtocolException Bad(string message) => ProtocolException.BadMessage(message);
    }
}
