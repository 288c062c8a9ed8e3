#nullable enable
using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;

namespace Rls3.Gym.Transport.Zmtp
{
    /// <summary>A command's body: its name with the name's length before it, and its data.</summary>
    internal static class Command
    {
        /// <summary>The name, as ASCII; the data begin after it.</summary>
        /// <exception cref="ZmtpException">There is no name.</exception>
        public static string Name(byte[] body)
        {
            if (body.Length == 0 || body[0] == 0 || body.Length < DataAt(body))
            {
                throw new ZmtpException("a command without a name");
            }
            return Encoding.ASCII.GetString(body, 1, body[0]);
        }

        /// <summary>Where the data begin.</summary>
        public static int DataAt(byte[] body) => 1 + body[0];

        public static byte[] Make(string name, params byte[][] data)
        {
            var length = 1 + name.Length;
            foreach (var part in data)
            {
                length += part.Length;
            }
            var body = new byte[length];
            body[0] = (byte)name.Length;
            var at = 1 + Encoding.ASCII.GetBytes(name, 0, name.Length, body, 1);
            foreach (var part in data)
            {
                part.CopyTo(body, at);
                at += part.Length;
            }
            return body;
        }

        /// <summary>What this socket tells of itself: it is a ROUTER.</summary>
        public static readonly byte[] OwnProperties = Property("Socket-Type", "ROUTER");

        private static byte[] Property(string name, string value)
        {
            var bytes = new byte[1 + name.Length + 4 + value.Length];
            bytes[0] = (byte)name.Length;
            Encoding.ASCII.GetBytes(name, 0, name.Length, bytes, 1);
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(1 + name.Length), value.Length);
            Encoding.ASCII.GetBytes(value, 0, value.Length, bytes, 1 + name.Length + 4);
            return bytes;
        }

        /// <summary>Reads a peer's properties, whose names have no case, and refuses sockets that a ROUTER does not talk to.</summary>
        /// <exception cref="ZmtpException">The properties are cut off, or no such socket's.</exception>
        public static void CheckProperties(ReadOnlySpan<byte> data)
        {
            var properties = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            while (data.Length > 0)
            {
                var nameLength = data[0];
                if (nameLength == 0 || data.Length < 1 + nameLength + 4)
                {
                    throw new ZmtpException("a property that is cut off");
                }
                var name = Encoding.ASCII.GetString(data.Slice(1, nameLength));
                var length = BinaryPrimitives.ReadUInt32BigEndian(data.Slice(1 + nameLength));
                data = data.Slice(1 + nameLength + 4);
                if (length > data.Length)
                {
                    throw new ZmtpException($"the property {name} of {length} bytes, of which {data.Length} came");
                }
                properties[name] = Encoding.ASCII.GetString(data.Slice(0, (int)length));
                data = data.Slice((int)length);
            }
            if (!properties.TryGetValue("Socket-Type", out var type) || (type != "DEALER" && type != "ROUTER"))
            {
                throw new ZmtpException($"a peer of type {type ?? "unknown"}, where a DEALER or ROUTER is served");
            }
        }
    }
}
