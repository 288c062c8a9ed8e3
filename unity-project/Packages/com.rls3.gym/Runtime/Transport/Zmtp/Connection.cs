#nullable enable
using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Net.Sockets;
using System.Text;

namespace Rls3.Gym.Transport.Zmtp
{
    /// <summary>What connections may take, and how long they may be silent.</summary>
    internal sealed class ConnectionLimits
    {
        public long FrameBytes { get; set; } = 128L * 1024 * 1024;

        /// <summary>All frames of a message together.</summary>
        public long MessageBytes { get; set; } = 256L * 1024 * 1024;

        public int Frames { get; set; } = 1024;

        /// <summary>Messages that are coming in, of all connections together.</summary>
        public long ComingBytes { get; set; } = 512L * 1024 * 1024;

        /// <summary>Messages to a peer that does not read them; further ones are dropped.</summary>
        public int Unread { get; set; } = 18;

        /// <summary>While a peer has more than this unread, messages to it are dropped.</summary>
        public long UnreadBytes { get; set; } = 256L * 1024 * 1024;

        public int Connections { get; set; } = 128;

        /// <summary>From a connection's first byte to the end of its handshake.</summary>
        public double HandshakeMs { get; set; } = 10000;

        /// <summary>A peer that has been silent for so long is sent a PING.</summary>
        public double PingMs { get; set; } = 5000;

        /// <summary>A peer that answers no PING for so long is gone.</summary>
        public double GoneMs { get; set; } = 20000;
    }

    /// <summary>One peer: its socket, its handshake, the message that is coming in and those that go out.</summary>
    internal sealed class Connection
    {
        private const int GreetingBytes = 64;
        private const int MechanismAt = 12;
        private const int MechanismBytes = 20;

        /// <summary>No frame of a handshake is larger.</summary>
        private const long HandshakeFrame = 16 * 1024;

        /// <summary>Frames up to this size are joined and sent together.</summary>
        private const int Small = 16 * 1024;

        /// <summary>Bytes that are handed to the system at once.</summary>
        private const int LargestPiece = 256 * 1024;

        /// <summary>The longest context of a PING, which its PONG returns.</summary>
        private const int ContextBytes = 16;

        private readonly Mechanism mechanism;
        private readonly ConnectionLimits limits;
        private readonly Frame.Reader reader = new Frame.Reader { Largest = HandshakeFrame };
        private readonly byte[] greeting = new byte[GreetingBytes];
        private readonly Queue<Chunk> output = new Queue<Chunk>();
        private readonly ArraySegment<byte>[] piece = new ArraySegment<byte>[1];
        private int greeted;
        private List<byte[]>? message;
        private List<byte[]> parts = new List<byte[]>();

        // Bytes that arrived after a message that has not been taken yet.
        private byte[] rest = Array.Empty<byte>();
        private int restAt;
        private long partBytes;
        private int sent;
        private int unread;
        private long unreadBytes;
        private double lastPing;
        private bool pongWaits;
        private double timeToLive = double.PositiveInfinity;

        private readonly struct Chunk
        {
            public readonly byte[] Bytes;
            public readonly bool EndsMessage;

            public Chunk(byte[] bytes, bool endsMessage)
            {
                Bytes = bytes;
                EndsMessage = endsMessage;
            }
        }

        public Connection(Socket socket, Mechanism mechanism, ConnectionLimits limits, double nowMs)
        {
            Socket = socket;
            this.mechanism = mechanism;
            this.limits = limits;
            Opened = nowMs;
            LastHeard = nowMs;
            Enqueue(new Chunk(Greeting(), false));
        }

        public Socket Socket { get; }

        public double Opened { get; private set; }

        public double LastHeard { get; private set; }

        /// <summary>When the last message came; minus infinity before the first.</summary>
        public double LastMessage { get; private set; } = double.NegativeInfinity;

        /// <summary>The handshake is over.</summary>
        public bool Ready => mechanism.Done;

        /// <summary>Whether a message can be taken. What arrived after it is read only once it is taken.</summary>
        public bool HasMessage => message != null;

        public bool HasOutput => output.Count > 0 && Ended == null;

        /// <summary>Bytes of the message that is coming in.</summary>
        public long Coming => partBytes + reader.Held;

        /// <summary>Why the connection is over; null while it isn't.</summary>
        public string? Ended { get; private set; }

        /// <summary>Takes the message, and finds the next one in what has arrived.</summary>
        public List<byte[]> TakeMessage(double nowMs)
        {
            var taken = message!;
            message = null;
            if (Ended == null)
            {
                restAt += Guarded(rest, restAt, rest.Length - restAt, nowMs);
                if (restAt == rest.Length)
                {
                    rest = Array.Empty<byte>();
                    restAt = 0;
                }
                Flush();
            }
            return taken;
        }

        /// <summary>Ends the connection and drops all but a complete message, which is still executed.</summary>
        public void End(string why)
        {
            if (Ended != null)
            {
                return;
            }
            Ended = why;
            rest = Array.Empty<byte>();
            restAt = 0;
            parts = new List<byte[]>();
            partBytes = 0;
            reader.Drop();
            output.Clear();
            Socket.Dispose();
        }

        private int Guarded(byte[] bytes, int offset, int count, double nowMs)
        {
            try
            {
                return Take(bytes.AsSpan(offset, count), nowMs);
            }
            catch (ZmtpException refused)
            {
                End(refused.Message);
                return 0;
            }
        }

        /// <summary>Takes what has arrived, as far as it fits into the buffer. Whatever it is, it can end only this connection.</summary>
        public void Read(byte[] buffer, double nowMs)
        {
            var count = Socket.Receive(buffer, 0, buffer.Length, SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
            {
                return;
            }
            if (error != SocketError.Success || count == 0)
            {
                End(count == 0 ? "closed by the peer" : error.ToString());
                return;
            }
            LastHeard = nowMs;
            var taken = Guarded(buffer, 0, count, nowMs);
            if (taken < count && Ended == null)
            {
                rest = buffer.AsSpan(taken, count - taken).ToArray();
            }
            Flush();
        }

        /// <returns>How many bytes were taken: all, or those up to the end of a message.</returns>
        private int Take(ReadOnlySpan<byte> bytes, double nowMs)
        {
            var at = 0;
            while (greeted < GreetingBytes && at < bytes.Length)
            {
                greeting[greeted++] = bytes[at++];
                CheckGreeting();
                if (greeted == GreetingBytes && mechanism.Begin() is { } first)
                {
                    Enqueue(Frame.Command(first));
                }
            }
            while (at < bytes.Length && message == null)
            {
                at += reader.Take(bytes.Slice(at), out var frame);
                if (frame is { } complete)
                {
                    Handle(complete, nowMs);
                }
            }
            return at;
        }

        // Signature, version 3.1, mechanism, whether this is its server, and zeros.
        private byte[] Greeting()
        {
            var bytes = new byte[GreetingBytes];
            bytes[0] = 0xff;
            bytes[9] = 0x7f;
            bytes[10] = 3;
            bytes[11] = 1;
            Encoding.ASCII.GetBytes(mechanism.Name, 0, mechanism.Name.Length, bytes, MechanismAt);
            bytes[MechanismAt + MechanismBytes] = (byte)(mechanism.AsServer ? 1 : 0);
            return bytes;
        }

        private void CheckGreeting()
        {
            var (at, value) = (greeted - 1, greeting[greeted - 1]);
            if ((at == 0 && value != 0xff) || (at == 9 && value != 0x7f))
            {
                throw new ZmtpException("no greeting of ZMTP");
            }
            if (at == 10 && value < 3)
            {
                throw new ZmtpException($"version {value} of ZMTP, where 3 is spoken");
            }
            if (at != MechanismAt + MechanismBytes - 1)
            {
                return;
            }
            var name = Encoding.ASCII.GetString(greeting, MechanismAt, MechanismBytes).TrimEnd('\0');
            if (name != mechanism.Name)
            {
                throw new ZmtpException($"the mechanism {name}, where {mechanism.Name} is taken");
            }
        }

        private void Handle(Frame frame, double nowMs)
        {
            if (!Ready)
            {
                if (!frame.IsCommand)
                {
                    throw new ZmtpException("a message before the handshake's end");
                }
                if (mechanism.Handle(frame.Body) is { } answer)
                {
                    Enqueue(Frame.Command(answer));
                }
                reader.Largest = Ready ? limits.FrameBytes + mechanism.Overhead : HandshakeFrame;
                return;
            }
            var decoded = mechanism.Decode(frame);
            if (decoded.IsCommand)
            {
                HandleCommand(decoded.Body);
                return;
            }
            partBytes += decoded.Body.Length;
            if (partBytes > limits.MessageBytes || parts.Count == limits.Frames)
            {
                throw new ZmtpException($"a message of more than {limits.MessageBytes} bytes or {limits.Frames} frames");
            }
            parts.Add(decoded.Body);
            if (decoded.More)
            {
                return;
            }
            message = parts;
            parts = new List<byte[]>();
            partBytes = 0;
            LastMessage = nowMs;
        }

        private void HandleCommand(byte[] body)
        {
            var name = Command.Name(body);
            var data = body.AsSpan(Command.DataAt(body));
            if (name == "ERROR")
            {
                throw new ZmtpException("an ERROR of the peer's");
            }
            if (name != "PING")
            {
                return;
            }
            if (data.Length < 2)
            {
                throw new ZmtpException("a PING that is cut off");
            }
            // In tenths of a second; 0 says nothing.
            var tenths = BinaryPrimitives.ReadUInt16BigEndian(data);
            timeToLive = tenths == 0 ? double.PositiveInfinity : tenths * 100.0;
            var context = data.Slice(2, Math.Min(ContextBytes, data.Length - 2)).ToArray();
            // One PONG says all that many would.
            if (!pongWaits)
            {
                pongWaits = true;
                Enqueue(mechanism.Encode(Frame.Command(Command.Make("PONG", context))));
            }
        }

        /// <summary>Sends a message, or drops it if the peer has left too many unread.</summary>
        public void Send(byte[][] frames)
        {
            if (unread >= limits.Unread || unreadBytes > limits.UnreadBytes)
            {
                return;
            }
            unread++;
            var encoded = new Frame[frames.Length];
            for (var i = 0; i < frames.Length; i++)
            {
                encoded[i] = mechanism.Encode(new Frame(frames[i], i < frames.Length - 1, false));
            }
            Enqueue(encoded, true);
            Flush();
        }

        private void Enqueue(Frame command) => Enqueue(new[] { command }, false);

        // Small frames are joined; the bytes of large ones are passed on, not copied, because an answer never changes.
        private void Enqueue(Frame[] frames, bool message)
        {
            var small = new List<byte[]>();
            for (var i = 0; i < frames.Length; i++)
            {
                var last = i == frames.Length - 1;
                small.Add(frames[i].Header());
                if (frames[i].Body.Length <= Small)
                {
                    small.Add(frames[i].Body);
                    continue;
                }
                Enqueue(new Chunk(Join(small), false));
                small.Clear();
                Enqueue(new Chunk(frames[i].Body, last && message));
            }
            if (small.Count > 0)
            {
                Enqueue(new Chunk(Join(small), message));
            }
        }

        private void Enqueue(Chunk chunk)
        {
            output.Enqueue(chunk);
            unreadBytes += chunk.Bytes.Length;
        }

        private static byte[] Join(List<byte[]> parts)
        {
            var length = 0;
            foreach (var part in parts)
            {
                length += part.Length;
            }
            var joined = new byte[length];
            var at = 0;
            foreach (var part in parts)
            {
                part.CopyTo(joined, at);
                at += part.Length;
            }
            return joined;
        }

        /// <summary>Sends what is waiting, as far as the socket takes it.</summary>
        public void Flush()
        {
            while (Ended == null && output.Count > 0)
            {
                var chunk = output.Peek();
                // As a list of one: Mono's Send of an array returns only when all of it is sent, even on non-blocking sockets.
                piece[0] = new ArraySegment<byte>(chunk.Bytes, sent, Math.Min(chunk.Bytes.Length - sent, LargestPiece));
                sent += Socket.Send(piece, SocketFlags.None, out var error);
                if (error == SocketError.WouldBlock)
                {
                    return;
                }
                if (error != SocketError.Success)
                {
                    End(error.ToString());
                    return;
                }
                if (sent < chunk.Bytes.Length)
                {
                    continue;
                }
                sent = 0;
                output.Dequeue();
                unreadBytes -= chunk.Bytes.Length;
                if (chunk.EndsMessage)
                {
                    unread--;
                }
            }
            pongWaits = pongWaits && output.Count > 0;
        }

        /// <summary>Leaves out of the peer's silence the time in which this side did not listen.</summary>
        public void Excuse(double deafMs, double nowMs)
        {
            Opened = Math.Min(nowMs, Opened + deafMs);
            LastHeard = Math.Min(nowMs, LastHeard + deafMs);
        }

        /// <summary>Ends a connection whose peer is gone or never finished the handshake, and sends a PING to a silent one.</summary>
        public void LookAfter(double nowMs)
        {
            // While its message waits, nothing that the peer sent since has been read.
            if (HasMessage)
            {
                LastHeard = nowMs;
            }
            var silent = nowMs - LastHeard;
            if (!Ready)
            {
                if (nowMs - Opened > limits.HandshakeMs)
                {
                    End("no handshake in time");
                }
                return;
            }
            // A peer of 3.0 knows no PING; TCP's own keep-alive has to do.
            var asked = greeting[10] > 3 || greeting[11] > 0;
            if (silent > timeToLive || (asked && silent > limits.GoneMs))
            {
                End("silent for too long");
            }
            else if (asked && silent > limits.PingMs && nowMs - lastPing > limits.PingMs)
            {
                lastPing = nowMs;
                // Its time to live says nothing: this side may be busy with a step for longer than any.
                Enqueue(mechanism.Encode(Frame.Command(Command.Make("PING", new byte[2]))));
                Flush();
            }
        }
    }
}
