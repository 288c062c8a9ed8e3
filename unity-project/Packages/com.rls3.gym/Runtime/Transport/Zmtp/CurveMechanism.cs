#nullable enable
using System;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using NaCl;

namespace Rls3.Gym.Transport.Zmtp
{
    /// <summary>
    /// The server's side of CurveZMQ (RFC 26). Whoever knows the server's public key gets in; the token in hello decides which
    /// clients may stay. Names as in the RFC: S and C are the long-term keys, s and c those of this connection.
    /// </summary>
    internal sealed class CurveMechanism : Mechanism
    {
        private const int Key = 32;
        private const int Tag = 16;
        private const int Short = 8;
        private const int Long = 16;
        private const int HelloLength = 200;
        private const int CookieLength = 96;
        private const int VouchLength = Long + Tag + (2 * Key);
        private const int InitiateHead = 9 + CookieLength + Short;
        private const int MessageHead = 8 + Short;

        // The cookie lets a server forget a client between WELCOME and INITIATE. This one keeps the connection's state, so any
        // bytes will do that the client returns unchanged.
        private readonly byte[] cookie = new byte[CookieLength];
        private readonly byte[] serverPublic;
        private readonly byte[] serverSecret;
        private readonly byte[] ownSecret = new byte[Key];
        private readonly byte[] ownPublic = new byte[Key];
        private byte[] clientTransient = Array.Empty<byte>();
        private Curve25519XSalsa20Poly1305? box;
        private ulong peerNonce;
        private ulong ownNonce;

        public CurveMechanism(byte[] serverPublic, byte[] serverSecret)
        {
            this.serverPublic = serverPublic;
            this.serverSecret = serverSecret;
        }

        public override string Name => "CURVE";

        public override bool AsServer => true;

        public override int Overhead => MessageHead + Tag + 1;

        public override byte[]? Begin() => null;

        public override byte[]? Handle(byte[] command)
        {
            switch (Command.Name(command))
            {
                case "HELLO" when box == null:
                    return Welcome(command);
                case "INITIATE" when box != null && !Done:
                    return Ready(command);
                default:
                    throw new ZmtpException($"{Command.Name(command)} where {(box == null ? "HELLO" : "INITIATE")} was due");
            }
        }

        private byte[] Welcome(byte[] hello)
        {
            if (hello.Length != HelloLength || hello[6] != 1)
            {
                throw new ZmtpException("a HELLO of another version or length");
            }
            clientTransient = hello.AsSpan(80, Key).ToArray();
            using var fromClient = new Curve25519XSalsa20Poly1305(serverSecret, clientTransient);
            Open(fromClient, hello.AsSpan(120), ShortNonce("CurveZMQHELLO---", hello.AsSpan(112, Short)), "HELLO");

            Curve25519XSalsa20Poly1305.KeyPair(ownSecret, ownPublic);
            RandomNumberGenerator.Fill(cookie);
            box = new Curve25519XSalsa20Poly1305(ownSecret, clientTransient);
            var nonce = LongNonce("WELCOME-");
            return Command.Make("WELCOME", nonce.AsSpan(8).ToArray(), Close(fromClient, Join(ownPublic, cookie), nonce));
        }

        private byte[] Ready(byte[] initiate)
        {
            if (initiate.Length < InitiateHead + Tag + Key + VouchLength)
            {
                throw new ZmtpException("an INITIATE that is cut off");
            }
            if (!CryptographicOperations.FixedTimeEquals(initiate.AsSpan(9, CookieLength), cookie))
            {
                throw new ZmtpException("an INITIATE with another connection's cookie");
            }
            var nonce = ShortNonce("CurveZMQINITIATE", initiate.AsSpan(9 + CookieLength, Short));
            var opened = Open(box!, initiate.AsSpan(InitiateHead), nonce, "INITIATE");
            CheckVouch(opened.AsSpan(0, Key), opened.AsSpan(Key, VouchLength));
            Command.CheckProperties(opened.AsSpan(Key + VouchLength));
            Done = true;
            var number = NextNonce();
            return Command.Make("READY", number, Close(box!, Command.OwnProperties, Prefixed("CurveZMQREADY---", number)));
        }

        // The client shows that it has the secret key of C: by a box to this connection's key that holds c and S.
        private void CheckVouch(ReadOnlySpan<byte> client, ReadOnlySpan<byte> vouch)
        {
            using var fromClient = new Curve25519XSalsa20Poly1305(ownSecret, client);
            var nonce = Prefixed("VOUCH---", vouch.Slice(0, Long));
            var opened = Open(fromClient, vouch.Slice(Long), nonce, "the vouch of INITIATE");
            if (!opened.AsSpan().SequenceEqual(Join(clientTransient, serverPublic)))
            {
                throw new ZmtpException("a vouch for another client or server");
            }
        }

        public override Frame Encode(Frame frame)
        {
            var number = NextNonce();
            var plain = new byte[1 + frame.Body.Length];
            plain[0] = (byte)((frame.More ? 1 : 0) | (frame.IsCommand ? 2 : 0));
            frame.Body.CopyTo(plain, 1);
            return new Frame(Command.Make("MESSAGE", number, Close(box!, plain, Prefixed("CurveZMQMESSAGES", number))), false, false);
        }

        public override Frame Decode(Frame frame)
        {
            var body = frame.Body;
            if (frame.IsCommand || frame.More || body.Length < MessageHead + Tag + 1 || Command.Name(body) != "MESSAGE")
            {
                throw new ZmtpException("a frame that is not encrypted");
            }
            var plain = Open(box!, body.AsSpan(MessageHead), ShortNonce("CurveZMQMESSAGEC", body.AsSpan(8, Short)), "MESSAGE");
            if (plain[0] > 2)
            {
                throw new ZmtpException($"a message with the flags {plain[0]}");
            }
            return new Frame(plain.AsSpan(1).ToArray(), plain[0] == 1, plain[0] == 2);
        }

        private static byte[] Open(XSalsa20Poly1305 keys, ReadOnlySpan<byte> closed, byte[] nonce, string what)
        {
            var opened = new byte[closed.Length - Tag];
            return keys.TryDecrypt(opened, closed, nonce) ? opened : throw new ZmtpException($"{what} does not open: it was made for another key");
        }

        private static byte[] Close(XSalsa20Poly1305 keys, byte[] plain, byte[] nonce)
        {
            var closed = new byte[plain.Length + Tag];
            keys.Encrypt(closed, plain, nonce);
            return closed;
        }

        // A peer's numbers only go up, so that nothing of it can be played again.
        private byte[] ShortNonce(string prefix, ReadOnlySpan<byte> number)
        {
            var value = BinaryPrimitives.ReadUInt64BigEndian(number);
            if (value <= peerNonce)
            {
                throw new ZmtpException("a nonce that was used before");
            }
            peerNonce = value;
            return Prefixed(prefix, number);
        }

        private byte[] NextNonce()
        {
            var number = new byte[Short];
            BinaryPrimitives.WriteUInt64BigEndian(number, ++ownNonce);
            return number;
        }

        private static byte[] LongNonce(string prefix)
        {
            var random = new byte[Long];
            RandomNumberGenerator.Fill(random);
            return Prefixed(prefix, random);
        }

        private static byte[] Prefixed(string prefix, ReadOnlySpan<byte> number)
        {
            var nonce = new byte[prefix.Length + number.Length];
            Encoding.ASCII.GetBytes(prefix, 0, prefix.Length, nonce, 0);
            number.CopyTo(nonce.AsSpan(prefix.Length));
            return nonce;
        }

        private static byte[] Join(byte[] first, byte[] second)
        {
            var joined = new byte[first.Length + second.Length];
            first.CopyTo(joined, 0);
            second.CopyTo(joined, first.Length);
            return joined;
        }
    }
}
