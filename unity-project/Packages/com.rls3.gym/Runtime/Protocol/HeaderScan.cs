#nullable enable
using System;
using System.Buffers.Binary;
using System.Text;
using Rls3.Gym.Core;

namespace Rls3.Gym.Protocol
{
    /// <summary>
    /// Whether every decoder may read a header of this server's own: it walks what <see cref="MessagePackWriter"/> wrote, and builds
    /// nothing unless there is something to say.
    /// </summary>
    internal ref struct HeaderScan
    {
        private const int LongestPath = 100;

        private readonly ReadOnlySpan<byte> bytes;
        private int at;
        private int values;

        // What is wrong, once something is, and where: keys and indices, the outermost first.
        private string? problem;
        private string path;

        private HeaderScan(ReadOnlySpan<byte> bytes)
        {
            this.bytes = bytes;
            at = 0;
            values = 0;
            problem = null;
            path = "";
        }

        /// <exception cref="ProtocolException">TOO_LARGE or INTERNAL for a header that every decoder must refuse.</exception>
        public static void Require(ReadOnlySpan<byte> header)
        {
            if (header.Length > DecoderLimits.HeaderBytes)
            {
                throw new ProtocolException(
                    ErrorCodes.TooLarge,
                    $"the answer's header has {header.Length} bytes; a header may have {DecoderLimits.HeaderBytes}",
                    Details.Of("bytes", WireValue.Of(header.Length), "limit", WireValue.Of(DecoderLimits.HeaderBytes)));
            }
            var scan = new HeaderScan(header);
            if (!scan.Value(0))
            {
                // The header is a map, so a path begins with the dot before a key.
                var where = scan.path.Substring(1, Math.Min(scan.path.Length - 1, LongestPath));
                throw new ProtocolException(ErrorCodes.Internal, $"the answer can't be sent: {where}: {scan.problem}");
            }
        }

        private bool Value(int depth)
        {
            var type = bytes[at++];
            if (++values > DecoderLimits.Values)
            {
                return Fails($"more than {DecoderLimits.Values} values in a header");
            }
            if (type < 0x80 || type >= 0xe0)
            {
                return true;
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
                return Text(type & 31);
            }
            switch (type)
            {
                case 0xcb:
                    return Skip(8);
                case 0xcc:
                case 0xd0:
                    return Skip(1);
                case 0xcd:
                case 0xd1:
                    return Skip(2);
                case 0xce:
                case 0xd2:
                    return Skip(4);
                case 0xd9:
                case 0xda:
                case 0xdb:
                    return Text(Count(type - 0xd9));
                case 0xdc:
                case 0xdd:
                    return Array(Count(type - 0xdb), depth);
                case 0xde:
                case 0xdf:
                    return Map(Count(type - 0xdd), depth);
                default:
                    // nil, false, true
                    return true;
            }
        }

        // A count of 1, 2 or 4 bytes.
        private int Count(int size)
        {
            var start = at;
            at += 1 << size;
            switch (size)
            {
                case 0:
                    return bytes[start];
                case 1:
                    return BinaryPrimitives.ReadUInt16BigEndian(bytes.Slice(start));
                default:
                    return BinaryPrimitives.ReadInt32BigEndian(bytes.Slice(start));
            }
        }

        private bool Text(int size) =>
            size <= DecoderLimits.StringBytes ? Skip(size) : Fails($"a string of {size} bytes; at most {DecoderLimits.StringBytes} are allowed");

        private bool Array(int count, int depth)
        {
            if (depth >= DecoderLimits.Depth)
            {
                return Fails($"maps and arrays nest deeper than {DecoderLimits.Depth}");
            }
            for (var i = 0; i < count; i++)
            {
                if (!Value(depth + 1))
                {
                    return FailsIn($"[{i}]");
                }
            }
            return true;
        }

        private bool Map(int count, int depth)
        {
            if (depth >= DecoderLimits.Depth)
            {
                return Fails($"maps and arrays nest deeper than {DecoderLimits.Depth}");
            }
            for (var i = 0; i < count; i++)
            {
                var key = at;
                if (!Value(depth + 1) || !Value(depth + 1))
                {
                    return FailsIn("." + KeyAt(key));
                }
            }
            return true;
        }

        private string KeyAt(int start)
        {
            var type = bytes[start];
            at = start + 1;
            var size = type < 0xc0 ? type & 31 : Count(type - 0xd9);
            return Encoding.UTF8.GetString(bytes.Slice(at, Math.Min(size, LongestPath)));
        }

        private bool Skip(int size)
        {
            at += size;
            return true;
        }

        private bool Fails(string what)
        {
            problem = what;
            return false;
        }

        private bool FailsIn(string place)
        {
            path = place + path;
            return false;
        }
    }
}
