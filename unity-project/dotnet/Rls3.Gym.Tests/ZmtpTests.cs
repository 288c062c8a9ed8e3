using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using NetMQ;
using NetMQ.Sockets;
using Rls3.Gym.Transport.Zmtp;
using Xunit;

namespace Rls3.Gym.Tests;

/// <summary>The transport against NetMQ's sockets, and against peers that send what is no ZMTP.</summary>
[Collection("sockets")]
public sealed class ZmtpTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly NetMQCertificate ServerKeys = new();

    private static Mechanism Secured(bool curve) =>
        curve ? new CurveMechanism(ServerKeys.PublicKey, ServerKeys.SecretKey!) : new NullMechanism();

    /// <summary>A router that gives each message back, on a thread of its own.</summary>
    private sealed class Echo : IDisposable
    {
        private readonly Router router;
        private readonly Thread thread;
        private volatile bool stopping;

        public Echo(bool curve, ConnectionLimits? limits = null)
        {
            var clock = Stopwatch.StartNew();
            router = new Router(() => Secured(curve), limits ?? new ConnectionLimits(), () => clock.Elapsed.TotalMilliseconds);
            Port = router.Bind(IPAddress.Loopback, 0);
            thread = new Thread(Loop);
            thread.Start();
        }

        public int Port { get; }

        public string Endpoint => $"tcp://127.0.0.1:{Port}";

        public int Connections => router.ConnectionCount;

        private void Loop()
        {
            while (!stopping)
            {
                if (router.TryReceive(20, out var peer, out var frames))
                {
                    router.Send(peer, [.. frames]);
                    if (frames.Count == 1 && frames[0].AsSpan().SequenceEqual("keep me"u8))
                    {
                        router.Keep(peer);
                    }
                }
            }
        }

        /// <summary>Whatever a test sent, the router met no unexpected error.</summary>
        public void Dispose()
        {
            stopping = true;
            thread.Join();
            router.Dispose();
            Assert.Null(router.Fault);
        }
    }

    private static DealerSocket Dealer(Echo echo, bool curve)
    {
        var socket = new DealerSocket();
        socket.Options.Linger = TimeSpan.Zero;
        if (curve)
        {
            socket.Options.CurveServerKey = ServerKeys.PublicKey;
            socket.Options.CurveCertificate = new NetMQCertificate();
        }
        socket.Connect(echo.Endpoint);
        return socket;
    }

    private static byte[][] Ask(DealerSocket socket, params byte[][] frames)
    {
        socket.SendMultipartBytes(frames);
        NetMQMessage? answer = null;
        Assert.True(socket.TryReceiveMultipartMessage(Patience, ref answer), "no answer");
        return [.. answer!.Select(frame => frame.ToByteArray())];
    }

    private static byte[] Pattern(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)(i * 31 % 251))];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gives_messages_of_any_size_back_to_a_peer_of_another_make(bool curve)
    {
        using var echo = new Echo(curve);
        using var one = Dealer(echo, curve);
        using var other = Dealer(echo, curve);
        foreach (var length in new[] { 0, 1, 255, 256, 16 * 1024, 16 * 1024 + 1, 65536, 3_000_000 })
        {
            byte[][] message = [Pattern(length), [], Pattern(7), Pattern(length)];
            Assert.Equal(message, Ask(one, message));
            Assert.Equal([Pattern(3)], Ask(other, Pattern(3)));
        }
    }

    [Fact]
    public void Keeps_order_in_a_flood_and_serves_another_peer_meanwhile()
    {
        using var echo = new Echo(false, new ConnectionLimits { Unread = 100_000 });
        using var flood = Dealer(echo, false);
        using var calm = Dealer(echo, false);
        for (var i = 0; i < 20_000; i++)
        {
            flood.SendFrame(BitConverter.GetBytes(i));
        }
        Assert.Equal([Pattern(5)], Ask(calm, Pattern(5)));
        for (var i = 0; i < 20_000; i++)
        {
            Assert.True(flood.TryReceiveFrameBytes(Patience, out var bytes));
            Assert.Equal(i, BitConverter.ToInt32(bytes!));
        }
    }

    [Fact]
    public void Serves_nobody_who_has_another_servers_key()
    {
        using var echo = new Echo(true);
        using var stranger = new DealerSocket();
        stranger.Options.Linger = TimeSpan.Zero;
        stranger.Options.CurveServerKey = new NetMQCertificate().PublicKey;
        stranger.Options.CurveCertificate = new NetMQCertificate();
        stranger.Connect(echo.Endpoint);
        stranger.SendFrame("hello");
        Assert.False(stranger.TryReceiveFrameBytes(TimeSpan.FromMilliseconds(500), out _));
        using var good = Dealer(echo, true);
        Assert.Equal([Pattern(9)], Ask(good, Pattern(9)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Finds_frames_in_bytes_however_they_are_cut(bool isLong)
    {
        var property = Prop.ForAll(Gen.ListOf(Gen.Choose(0, 600)).ToArbitrary(), ArbMap.Default.ArbFor<int>(), (lengths, seed) =>
        {
            var frames = lengths.Select((length, i) => new Frame(Pattern(length * (isLong ? 200 : 1)), i % 2 == 0, false)).ToArray();
            var bytes = frames.SelectMany(frame => frame.Header().Concat(frame.Body)).ToArray();
            var random = new System.Random(seed);
            var reader = new Frame.Reader { Largest = 1_000_000 };
            List<Frame> found = [];
            for (var at = 0; at < bytes.Length;)
            {
                var piece = random.Next(1, 1 + Math.Min(bytes.Length - at, random.Next(1, 100_000)));
                for (var end = at + piece; at < end;)
                {
                    at += reader.Take(bytes.AsSpan(at, end - at), out var frame);
                    if (frame is { } complete)
                    {
                        found.Add(complete);
                    }
                }
            }
            return found.Select(frame => (frame.More, Convert.ToHexString(frame.Body))).SequenceEqual(frames.Select(frame => (frame.More, Convert.ToHexString(frame.Body))));
        });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(isLong ? 20 : 200), property);
    }

    private static Socket Raw(Echo echo)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = (int)Patience.TotalMilliseconds };
        socket.Connect(IPAddress.Loopback, echo.Port);
        return socket;
    }

    private static byte[] Greeting(string mechanism, byte major = 3, byte minor = 1)
    {
        var bytes = new byte[64];
        (bytes[0], bytes[9], bytes[10], bytes[11]) = (0xff, 0x7f, major, minor);
        Encoding.ASCII.GetBytes(mechanism).CopyTo(bytes, 12);
        return bytes;
    }

    private static byte[] Property(string name, string value, uint? length = null)
    {
        var claimed = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(claimed, length ?? (uint)value.Length);
        return [(byte)name.Length, .. Encoding.ASCII.GetBytes(name), .. claimed, .. Encoding.ASCII.GetBytes(value)];
    }

    private static byte[] Wire(byte[] body, byte flags = 4) => [flags, (byte)body.Length, .. body];

    private static byte[] Ready(byte[] properties) => Wire([5, .. "READY"u8, .. properties]);

    /// <summary>Reads all that comes; whether the peer then closes before the socket's timeout.</summary>
    private static bool IsClosed(Socket socket)
    {
        var buffer = new byte[1024];
        try
        {
            while (true)
            {
                if (socket.Receive(buffer) == 0)
                {
                    return true;
                }
            }
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode == SocketError.ConnectionReset;
        }
    }

    public static TheoryData<string, byte[]> Refused()
    {
        var hello = Hello;
        return new()
        {
            { "no ZMTP", "GET / HTTP/1.1\r\n\r\n"u8.ToArray() },
            { "ZMTP 2", Greeting("NULL", 2, 0) },
            { "another mechanism", Greeting("PLAIN") },
            { "no such mechanism", Greeting("") },
            { "a property of 2^31 bytes", [.. Greeting("NULL"), .. Ready(Property("Socket-Type", "DEALER", 0x80000000))] },
            { "a property of 2^32 - 1 bytes", [.. Greeting("NULL"), .. Ready(Property("Socket-Type", "DEALER", uint.MaxValue))] },
            { "a property without a value", [.. Greeting("NULL"), .. Ready([11, .. "Socket-Type"u8, 0])] },
            { "a property without a name", [.. Greeting("NULL"), .. Ready([0, 0, 0, 0, 0])] },
            { "no properties", [.. Greeting("NULL"), .. Ready([])] },
            { "a REQ", [.. Greeting("NULL"), .. Ready(Property("Socket-Type", "REQ"))] },
            { "a SUB", [.. Greeting("NULL"), .. Ready(Property("Socket-Type", "SUB"))] },
            { "another command than READY", [.. Greeting("NULL"), .. Wire([5, .. "HELLO"u8])] },
            { "a message before READY", [.. Greeting("NULL"), .. Wire([1, 2, 3], 0)] },
            { "an empty command", [.. hello, 4, 0] },
            { "an empty command before READY", [.. Greeting("NULL"), 4, 0] },
            { "a command whose name is cut off", [.. hello, .. Wire([9, .. "PING"u8])] },
            { "a PING that is cut off", [.. hello, .. Wire([4, .. "PING"u8])] },
            { "an ERROR", [.. hello, .. Wire([5, .. "ERROR"u8, 0])] },
            { "flags that mean nothing", [.. hello, 8, 0] },
            { "a command with more to come", [.. hello, 5, 0] },
            { "a frame of 2^63 bytes", [.. hello, 2, 0x80, 0, 0, 0, 0, 0, 0, 0] },
            { "a frame of 2^64 - 1 bytes", [.. hello, 2, 255, 255, 255, 255, 255, 255, 255, 255] },
            { "a large frame before READY", [.. Greeting("NULL"), 6, 0, 0, 0, 0, 0, 1, 0, 0] },
            { "frames without end", [.. hello, .. Enumerable.Repeat(new byte[] { 1, 0 }, 1025).SelectMany(frame => frame)] },
        };
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void Ends_the_connection_of_a_peer_that_sends(string what, byte[] bytes)
    {
        using var echo = new Echo(false);
        using var good = Dealer(echo, false);
        Assert.Equal([Pattern(4)], Ask(good, Pattern(4)));
        using var socket = Raw(echo);
        socket.Send(bytes);
        Assert.True(IsClosed(socket), what);
        Assert.Equal([Pattern(4)], Ask(good, Pattern(4)));
    }

    [Fact]
    public void Answers_a_PING_with_its_context()
    {
        using var echo = new Echo(false);
        using var socket = Raw(echo);
        socket.Send([.. Greeting("NULL"), .. Ready(Property("socket-type", "DEALER")), .. Wire([4, .. "PING"u8, 0, 0, .. "context"u8])]);
        byte[] expected = [.. Greeting("NULL"), .. Ready(Property("Socket-Type", "ROUTER")), .. Wire([4, .. "PONG"u8, .. "context"u8])];
        var received = new byte[expected.Length];
        for (var at = 0; at < received.Length;)
        {
            at += socket.Receive(received, at, received.Length - at, SocketFlags.None);
        }
        Assert.Equal(expected, received);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Serves_a_peer_beside_400_that_say_nothing_and_lets_those_go(bool curve)
    {
        using var echo = new Echo(curve, new ConnectionLimits { HandshakeMs = 300 });
        using var before = Dealer(echo, curve);
        Assert.Equal([Pattern(4)], Ask(before, Pattern(4)));
        var idle = Enumerable.Range(0, 400).Select(_ => Raw(echo)).ToList();
        using var after = Dealer(echo, curve);
        Assert.Equal([Pattern(4)], Ask(after, Pattern(4)));
        Assert.Equal([Pattern(4)], Ask(before, Pattern(4)));
        Assert.True(SpinWait.SpinUntil(() => echo.Connections == 2, Patience), $"{echo.Connections} connections");
        idle.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public void Lets_a_peer_go_that_answers_no_PING_and_keeps_one_that_does()
    {
        using var echo = new Echo(false, new ConnectionLimits { PingMs = 100, GoneMs = 600 });
        using var alive = Dealer(echo, false);
        Assert.Equal([Pattern(4)], Ask(alive, Pattern(4)));
        using var socket = Raw(echo);
        socket.Send(Hello);
        var began = Stopwatch.StartNew();
        Assert.True(IsClosed(socket));
        Assert.True(began.ElapsedMilliseconds >= 600);
        Assert.True(SpinWait.SpinUntil(() => echo.Connections == 1, Patience), $"{echo.Connections} connections");
        Assert.Equal([Pattern(4)], Ask(alive, Pattern(4)));
    }

    [Fact]
    public void Counts_no_time_as_a_peer_s_silence_in_which_nobody_listened()
    {
        var now = 0.0;
        using var router = new Router(() => Secured(false), new ConnectionLimits(), () => now);
        var port = router.Bind(IPAddress.Loopback, 0);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, port);
        socket.Send([.. Hello, 0, 1, 7]);
        Assert.True(SpinWait.SpinUntil(() => router.TryReceive(10, out _, out _), Patience));
        // As after both processes were stopped for an hour.
        now += 3_600_000;
        var woke = now;
        while (router.ConnectionCount == 1)
        {
            router.TryReceive(0, out _, out _);
            now += 100;
            Assert.True(now < woke + 60_000, "its silence was never counted");
        }
        Assert.InRange(now - woke, 20_000, 21_000);
    }

    [Fact]
    public void Drops_what_a_peer_leaves_unread_beyond_its_share()
    {
        using var echo = new Echo(false, new ConnectionLimits { Unread = 3 });
        using var socket = Raw(echo);
        socket.Send(Hello);
        var block = Pattern(1 << 20);
        var head = new Frame(block, false, false).Header();
        for (var i = 0; i < 40; i++)
        {
            socket.Send(head);
            socket.Send(block);
        }
        using var other = Dealer(echo, false);
        Assert.Equal([Pattern(4)], Ask(other, Pattern(4)));
        socket.ReceiveTimeout = 500;
        var received = 0L;
        var buffer = new byte[1 << 16];
        try
        {
            while (true)
            {
                received += socket.Receive(buffer);
            }
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.TimedOut)
        {
            // All that there is has been read.
        }
        // Whole messages, and fewer than were asked for.
        Assert.Equal(0, (received - 64 - Ready(Property("Socket-Type", "ROUTER")).Length) % (block.Length + head.Length));
        Assert.True(received < 30L * block.Length, $"{received} bytes");
    }

    private static byte[] Hello => [.. Greeting("NULL"), .. Ready(Property("Socket-Type", "DEALER"))];

    [Fact]
    public void Holds_a_message_and_no_more_of_what_peers_send_and_leave()
    {
        using var echo = new Echo(false, new ConnectionLimits { Connections = 40 });
        using var good = Dealer(echo, false);
        Assert.Equal(["keep me"u8.ToArray()], Ask(good, "keep me"u8.ToArray()));
        var before = GC.GetTotalMemory(true);
        byte[] flood = [.. Hello, .. Enumerable.Repeat(new byte[] { 0, 0 }, 32_000).SelectMany(frame => frame)];
        for (var i = 0; i < 300; i++)
        {
            using var socket = Raw(echo);
            socket.Send(flood);
        }
        Assert.Equal([Pattern(4)], Ask(good, Pattern(4)));
        Assert.True(SpinWait.SpinUntil(() => echo.Connections == 1, Patience), $"{echo.Connections} connections");
        Assert.InRange(GC.GetTotalMemory(true) - before, long.MinValue, 20_000_000);
    }

    [Fact]
    public void Serves_its_own_beside_peers_that_ask_whether_it_is_there_without_pause()
    {
        using var echo = new Echo(false);
        using var good = Dealer(echo, false);
        Assert.Equal([Pattern(4)], Ask(good, Pattern(4)));
        using var socket = Raw(echo);
        byte[] pings = [.. Enumerable.Repeat(Wire([4, .. "PING"u8, 0, 0]), 7000).SelectMany(frame => frame)];
        socket.Send(Hello);
        for (var i = 0; i < 200; i++)
        {
            socket.Send(pings);
        }
        Assert.Equal([Pattern(4)], Ask(good, Pattern(4)));
        // One PONG for all that came at once.
        socket.ReceiveTimeout = 300;
        var received = 0;
        var buffer = new byte[1 << 16];
        try
        {
            while (true)
            {
                received += socket.Receive(buffer);
            }
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.TimedOut)
        {
            // All that there is has been read.
        }
        Assert.InRange(received, 64 + 7, 200 * 7000);
    }

    [Fact]
    public void Keeps_the_peer_that_it_is_told_to_keep_whoever_asks_more_often()
    {
        using var echo = new Echo(false, new ConnectionLimits { Connections = 4 });
        using var good = Dealer(echo, false);
        Assert.Equal(["keep me"u8.ToArray()], Ask(good, "keep me"u8.ToArray()));
        List<Socket> strangers = [];
        for (var i = 0; i < 12; i++)
        {
            strangers.Add(Raw(echo));
            strangers[^1].Send([.. Hello, 0, 1, (byte)i]);
            Assert.True(SpinWait.SpinUntil(() => strangers[^1].Available >= 64 + 3, Patience));
        }
        Assert.InRange(echo.Connections, 2, 4);
        Assert.Equal([Pattern(4)], Ask(good, Pattern(4)));
        strangers.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public void Ends_who_holds_most_of_half_messages_that_leave_no_room_for_a_whole_one()
    {
        using var echo = new Echo(false, new ConnectionLimits { ComingBytes = 3_000_000 });
        using var hoarder = Raw(echo);
        hoarder.Send(Hello);
        hoarder.Send(new Frame(Pattern(4_000_000), false, false).Header());
        hoarder.Send(Pattern(2_900_000));
        using var good = Dealer(echo, false);
        Assert.Equal([Pattern(1_000_000)], Ask(good, Pattern(1_000_000)));
        Assert.True(IsClosed(hoarder));
    }

    /// <summary>Handshakes of real clients, changed at random: bytes turned, cut, doubled, put elsewhere.</summary>
    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public void Lives_through_handshakes_that_were_changed_at_random(bool curve, int seed)
    {
        using var echo = new Echo(curve, new ConnectionLimits { HandshakeMs = 200 });
        using var good = Dealer(echo, curve);
        Assert.Equal([Pattern(4)], Ask(good, Pattern(4)));
        var random = new System.Random(seed);
        var real = Recorded(echo, curve);
        for (var i = 0; i < 1500; i++)
        {
            using var socket = Raw(echo);
            try
            {
                socket.Send(Changed(real, random));
                if (i % 3 == 0)
                {
                    socket.Shutdown(SocketShutdown.Send);
                }
            }
            catch (SocketException)
            {
                // It was ended before all was sent.
            }
        }
        Assert.Equal([Pattern(4)], Ask(good, Pattern(4)));
        Assert.True(SpinWait.SpinUntil(() => echo.Connections == 1, Patience), $"{echo.Connections} connections");
    }

    /// <summary>What a client sends to get through the handshake and ask something.</summary>
    private static byte[] Recorded(Echo echo, bool curve)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var dealer = new DealerSocket();
        dealer.Options.Linger = TimeSpan.Zero;
        if (curve)
        {
            dealer.Options.CurveServerKey = ServerKeys.PublicKey;
            dealer.Options.CurveCertificate = new NetMQCertificate();
        }
        dealer.Connect($"tcp://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        dealer.SendMultipartBytes(Pattern(20), Pattern(300));
        using var near = listener.AcceptSocket();
        using var far = Raw(echo);
        List<byte> sent = [];
        var buffer = new byte[4096];
        var quiet = Stopwatch.StartNew();
        while (quiet.ElapsedMilliseconds < 300)
        {
            foreach (var (from, to, keep) in new[] { (near, far, true), (far, near, false) })
            {
                if (from.Available == 0)
                {
                    continue;
                }
                var count = from.Receive(buffer);
                to.Send(buffer, count, SocketFlags.None);
                if (keep)
                {
                    sent.AddRange(buffer.AsSpan(0, count));
                }
                quiet.Restart();
            }
        }
        Assert.True(sent.Count > 64 + 300);
        return [.. sent];
    }

    private static byte[] Changed(byte[] real, System.Random random)
    {
        var bytes = real.ToList();
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 40), bytes.Count - at - 1));
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 40), bytes.Count - at)));
                    break;
                default:
                    bytes.RemoveRange(at + 1, bytes.Count - at - 1);
                    break;
            }
        }
        return [.. bytes];
    }
}
