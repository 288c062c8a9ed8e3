#nullable enable
using System;
using System.Buffers.Binary;

namespace Rls3.Gym.Transport.Zmtp
{
    /// <summary>One frame of ZMTP (RFC 37): a part of a message, or a command.</summary>
    internal readonly struct Frame
    {
        private const byte MoreFlag = 1;
        private const byte LongFlag = 2;
        private const byte CommandFlag = 4;

        public readonly byte[] Body;
        public readonly bool More;
        public readonly bool IsCommand;

        public Frame(byte[] body, bool more, bool isCommand)
        {
            Body = body;
            More = more;
            IsCommand = isCommand;
        }

        public static Frame Command(byte[] body) => new Frame(body, false, true);

        /// <summary>Flags and length, which precede the body.</summary>
        public byte[] Header()
        {
            var flags = (byte)((More ? MoreFlag : 0) | (IsCommand ? CommandFlag : 0));
            if (Body.Length <= byte.MaxValue)
            {
                return new[] { flags, (byte)Body.Length };
            }
            var header = new byte[9];
            header[0] = (byte)(flags | LongFlag);
            BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(1), Body.Length);
            return header;
        }

        /// <summary>Makes frames of a connection's bytes, in whatever pieces they come.</summary>
        internal sealed class Reader
        {
            /// <summary>Memory grows with what has arrived, not with what a peer announces.</summary>
            private const int FirstBytes = 64 * 1024;

            private readonly byte[] header = new byte[9];
            private int headerLength;
            private byte[]? body;
            private int bodyLength;
            private int received;

            /// <summary>The largest body that is taken.</summary>
            public long Largest { get; set; }

            /// <summary>Bytes of the frame that is coming in.</summary>
            public long Held => body?.Length ?? 0;

            /// <summary>Forgets the frame that is coming in.</summary>
            public void Drop() => body = null;

            /// <summary>Takes bytes up to the end of a frame.</summary>
            /// <returns>How many of them were taken: all, or fewer once a frame is complete.</returns>
            /// <exception cref="ZmtpException">Flags that mean nothing, or a body that is too large.</exception>
            public int Take(ReadOnlySpan<byte> bytes, out Frame? frame)
            {
                frame = null;
                var taken = 0;
                while (body == null && taken < bytes.Length)
                {
                    header[headerLength++] = bytes[taken++];
                    Begin();
                }
                if (body == null)
                {
                    return taken;
                }
                var count = Math.Min(bodyLength - received, bytes.Length - taken);
                if (received + count > body.Length)
                {
                    Array.Resize(ref body, (int)Math.Min(bodyLength, Math.Max(received + count, 2L * body.Length)));
                }
                bytes.Slice(taken, count).CopyTo(body.AsSpan(received));
                received += count;
                if (received == bodyLength)
                {
                    frame = new Frame(body, (header[0] & MoreFlag) != 0, (header[0] & CommandFlag) != 0);
                    body = null;
                    headerLength = 0;
                }
                return taken + count;
            }

            private void Begin()
            {
                var flags = header[0];
                if ((flags & ~(MoreFlag | LongFlag | CommandFlag)) != 0 || (flags & (MoreFlag | CommandFlag)) == (MoreFlag | CommandFlag))
                {
                    throw new ZmtpException($"a frame with the flags {flags}");
                }
                if (headerLength < ((flags & LongFlag) != 0 ? 9 : 2))
                {
                    return;
                }
                var length = (flags & LongFlag) != 0 ? BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(1)) : header[1];
                if (length > (ulong)Largest)
                {
                    throw new ZmtpException($"a frame of {length} bytes, where at most {Largest} are taken");
                }
                bodyLength = (int)length;
                received = 0;
                body = new byte[Math.Min(bodyLength, FirstBytes)];
            }
        }
    }
}
