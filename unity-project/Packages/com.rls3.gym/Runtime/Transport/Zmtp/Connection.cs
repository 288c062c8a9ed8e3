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

        /// <summary>What is sent to a peer while it has more than this unread is dropped.</summary>
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
    internal sealed class Connection : IDisposable
    {
        private const int GreetingBytes = 64;
        private const int MechanismAt = 12;
        private const int MechanismBytes = 20;

        /// <summary>No frame of a handshake is larger.</summary>
        private const long HandshakeFrame = 16 * 1024;

        /// <summary>Up to here frames are put together, and sent in one go.</summary>
        private const int Small = 16 * 1024;

        /// <summary>The longest context of a PING, which its PONG gives back.</summary>
        private const int ContextBytes = 16;

        private readonly Mechanism mechanism;
        private readonly ConnectionLimits limits;
        private readonly Frame.Reader reader = new Frame.Reader { Largest = HandshakeFrame };
        private readonly byte[] greeting = new byte[GreetingBytes];
        private readonly Queue<List<byte[]>> messages = new Queue<List<byte[]>>();
        private readonly Queue<Chunk> output = new Queue<Chunk>();
        private int greeted;
        private List<byte[]> parts = new List<byte[]>();
        private long partBytes;
        private int sent;
        private int unread;
        private long unreadBytes;
        private double lastPing;
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

        public double Opened { get; }

        public double LastHeard { get; private set; }

        /// <summary>When the last message came; minus infinity before the first.</summary>
        public double LastMessage { get; private set; } = double.NegativeInfinity;

        /// <summary>The handshake is over.</summary>
        public bool Ready => mechanism.Done;

        public bool HasMessage => messages.Count > 0;

        public bool HasOutput => output.Count > 0 && Ended == null;

        /// <summary>Bytes of the message that is coming in.</summary>
        public long Coming => partBytes + reader.Held;

        /// <summary>Why the connection is over; null while it isn't.</summary>
        public string? Ended { get; private set; }

        public List<byte[]> NextMessage() => messages.Dequeue();

        public void Dispose() => Socket.Dispose();

        public void End(string why) => Ended ??= why;

        /// <summary>Takes what has arrived, as far as it fits into the buffer. Whatever it is, only this connection can end of it.</summary>
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
            try
            {
                Take(buffer.AsSpan(0, count), nowMs);
            }
            catch (ZmtpException refused)
            {
                End(refused.Message);
            }
        }

        private void Take(ReadOnlySpan<byte> bytes, double nowMs)
        {
            while (greeted < GreetingBytes && bytes.Length > 0)
            {
                greeting[greeted++] = bytes[0];
                bytes = bytes.Slice(1);
                CheckGreeting();
                if (greeted == GreetingBytes && mechanism.Begin() is { } first)
                {
                    Send(Frame.Command(first));
                }
            }
            while (bytes.Length > 0)
            {
                bytes = bytes.Slice(reader.Take(bytes, out var frame));
                if (frame is { } complete)
                {
                    Handle(complete, nowMs);
                }
            }
        }

        private static byte[] Empty(int length) => new byte[length];

        // Signature, version 3.1, mechanism, whether this is its server, and zeros.
        private byte[] Greeting()
        {
            var bytes = Empty(GreetingBytes);
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
                    Send(Frame.Command(answer));
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
            messages.Enqueue(parts);
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
            // Who sends PINGs and reads no PONGs gets no more of them than of other answers.
            if (output.Count < limits.Unread)
            {
                Send(mechanism.Encode(Frame.Command(Command.Make("PONG", context))));
            }
        }

        /// <summary>Sends a message, or drops it where the peer has left too many unread.</summary>
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

        private void Send(Frame frame)
        {
            Enqueue(new[] { frame }, false);
            Flush();
        }

        // Small frames are put together; the bytes of large ones are handed over, not copied: an answer is never written again.
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
            var joined = Empty(length);
            var at = 0;
            foreach (var part in parts)
            {
                part.CopyTo(joined, at);
                at += part.Length;
            }
            return joined;
        }

        /// <summary>Sends what waits, as far as the socket takes it.</summary>
        public void Flush()
        {
            while (Ended == null && output.Count > 0)
            {
                var chunk = output.Peek();
                sent += Socket.Send(chunk.Bytes, sent, chunk.Bytes.Length - sent, SocketFlags.None, out var error);
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
        }

        /// <summary>Ends a connection whose peer is gone or never got through the handshake, and asks a silent one whether it is there.</summary>
        public void LookAfter(double nowMs)
        {
            var silent = nowMs - LastHeard;
            if (!Ready)
            {
                if (nowMs - Opened > limits.HandshakeMs)
                {
                    End("no handshake in time");
                }
                return;
            }
            // A peer of 3.0 knows no PING: for it, TCP's own keep-alive has to do.
            var asked = greeting[10] > 3 || greeting[11] > 0;
            if (silent > timeToLive || (asked && silent > limits.GoneMs))
            {
                End("silent for too long");
            }
            else if (asked && silent > limits.PingMs && nowMs - lastPing > limits.PingMs)
            {
                lastPing = nowMs;
                var tenths = Empty(2);
                BinaryPrimitives.WriteUInt16BigEndian(tenths, (ushort)Math.Min(ushort.MaxValue, limits.GoneMs / 100));
                Send(mechanism.Encode(Frame.Command(Command.Make("PING", tenths))));
            }
        }
    }
}
