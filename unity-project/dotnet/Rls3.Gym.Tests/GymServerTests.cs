using System.Net;
using System.Net.Sockets;
using NetMQ;
using NetMQ.Sockets;
using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using Rls3.Gym.Transport;
using Xunit;

namespace Rls3.Gym.Tests;

/// <summary>The server as Unity runs it: environments on a main thread of their own, started and stopped again and again.</summary>
[Collection("sockets")]
public sealed class GymServerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static EnvironmentDefinition Rooms => RoomsEnvironment.Define(Repository.Catalog("rooms"), [], _ => null);

    [Fact]
    public void Answers_strangers_and_keeps_order_while_the_main_thread_is_busy()
    {
        using var main = new MainThreadQueue();
        using var server = GymServer.Start(Rooms, new HostOptions(), new ServeOptions("tcp://127.0.0.1:*", false), main);
        using (var client = new DealerSocket(">" + server.Endpoint))
        using (var stranger = new DealerSocket(">" + server.Endpoint))
        {
            var sid = Ask(client, Hello("one")).Get("sid")!.Text;
            Send(client, Batch(sid, 2));
            Send(client, Ping(sid, 3));
            WaitUntil(() => main.QueueDepth == 1);

            Assert.Equal("BUSY", Ask(stranger, Hello("two")).Get("code")!.Text);
            Assert.Equal("NO_SESSION", Ask(stranger, Ping("0", 1)).Get("code")!.Text);
            Assert.Equal(1, main.QueueDepth);

            Assert.Equal(1, main.Pump(TimeSpan.Zero));
            Assert.Equal("batch_result", Receive(client).Get("t")!.Text);
            Assert.Equal("pong", Receive(client).Get("t")!.Text);
        }
    }

    [Fact]
    public void Answers_each_request_of_its_client_once_however_often_it_was_sent_while_the_main_thread_was_busy()
    {
        using var main = new MainThreadQueue();
        using var server = GymServer.Start(Rooms, new HostOptions { MaxInFlight = 2 }, new ServeOptions("tcp://127.0.0.1:*", false), main);
        using var client = new DealerSocket(">" + server.Endpoint);
        var sid = Ask(client, Hello("one")).Get("sid")!.Text;
        Send(client, Batch(sid, 2));
        WaitUntil(() => main.QueueDepth == 1);
        for (var i = 0; i < 10; i++)
        {
            Send(client, Batch(sid, 2));
            Send(client, Ping(sid, 3));
        }
        Send(client, Ping(sid, 4));
        Thread.Sleep(300);
        main.Pump(TimeSpan.Zero);
        Assert.Equal("batch_result", Receive(client).Get("t")!.Text);
        Assert.Equal(3, Receive(client).Get("req")!.Number);
        Assert.Equal(4, Receive(client).Get("req")!.Number);
        Assert.Equal(5, Ask(client, Ping(sid, 5)).Get("req")!.Number);
    }

    [Fact]
    public void Works_through_more_requests_than_may_be_under_way_after_the_main_thread_was_busy()
    {
        using var main = new MainThreadQueue();
        using var server = GymServer.Start(Rooms, new HostOptions { MaxInFlight = 2 }, new ServeOptions("tcp://127.0.0.1:*", false), main);
        using var client = new DealerSocket(">" + server.Endpoint);
        using var stranger = new DealerSocket(">" + server.Endpoint);
        var sid = Ask(client, Hello("one")).Get("sid")!.Text;
        Send(client, Batch(sid, 2));
        WaitUntil(() => main.QueueDepth == 1);
        for (var req = 3; req < 40; req++)
        {
            Send(client, Ping(sid, req));
        }
        Thread.Sleep(300);
        Assert.Equal("BUSY", Ask(stranger, Hello("two")).Get("code")!.Text);
        main.Pump(TimeSpan.Zero);
        Assert.Equal("batch_result", Receive(client).Get("t")!.Text);
        for (var req = 3; req < 40; req++)
        {
            Assert.Equal(req, Receive(client).Get("req")!.Number);
        }
    }

    [Fact]
    public void Answers_a_request_that_came_again_over_a_new_connection_while_the_main_thread_was_busy()
    {
        using var main = new MainThreadQueue();
        using var server = GymServer.Start(Rooms, new HostOptions(), new ServeOptions("tcp://127.0.0.1:*", false), main);
        string sid;
        using (var before = new DealerSocket(">" + server.Endpoint))
        {
            sid = Ask(before, Hello("one")).Get("sid")!.Text;
            Send(before, Batch(sid, 2));
            WaitUntil(() => main.QueueDepth == 1);
        }
        using var client = new DealerSocket(">" + server.Endpoint);
        Send(client, Batch(sid, 2));
        Thread.Sleep(300);
        main.Pump(TimeSpan.Zero);
        Assert.Equal("batch_result", Receive(client).Get("t")!.Text);
    }

    [Fact]
    public void Goes_on_after_a_cancellation_inside_an_environment()
    {
        var definition = Scripted.Define((_, at) =>
        {
            if (at == "reset")
            {
                throw new TaskCanceledException("it took too long");
            }
        });
        using var main = new MainThreadQueue();
        using var server = GymServer.Start(definition, new HostOptions(), new ServeOptions("tcp://127.0.0.1:*", false), main);
        using var client = new DealerSocket(">" + server.Endpoint);
        var sid = Ask(client, Hello("one")).Get("sid")!.Text;
        Send(client, Batch(sid, 2));
        WaitUntil(() => main.QueueDepth == 1);
        main.Pump(TimeSpan.Zero);
        Assert.Equal("ENV_CRASH", Receive(client).Get("results")!.Items[0].Get("error")!.Get("code")!.Text);
        Assert.Equal("pong", Ask(client, Ping(sid, 3)).Get("t")!.Text);
    }

    [Fact]
    public void Refuses_an_empty_token_and_one_beside_keys()
    {
        Assert.Contains("token is empty", Refusal(new HostOptions { Token = "" }, new ServeOptions("tcp://127.0.0.1:*", false)));
        var pair = new NetMQCertificate();
        var file = Path.GetTempFileName();
        File.WriteAllText(file, $$"""{"serverPublicKey": "{{pair.PublicKeyZ85}}", "serverSecretKey": "{{pair.SecretKeyZ85}}", "token": "a token for the tests"}""");
        var keys = GymKeys.Read(file);
        File.Delete(file);
        Assert.Contains("keys bring a token", Refusal(new HostOptions { Token = "another" }, new ServeOptions("tcp://127.0.0.1:*", false) { Keys = keys }));
        // A start leaves the options as they were: they serve for another one.
        var options = new HostOptions();
        for (var start = 0; start < 2; start++)
        {
            using var server = GymServer.Start(Rooms, options, new ServeOptions("tcp://127.0.0.1:*", false) { Keys = keys }, null);
        }
    }

    [Fact]
    public void Says_how_long_the_main_thread_has_not_been_seen()
    {
        using var main = new MainThreadQueue();
        using var server = GymServer.Start(Rooms, new HostOptions(), new ServeOptions("tcp://127.0.0.1:*", false), main);
        using var client = new DealerSocket(">" + server.Endpoint);
        var sid = Ask(client, Hello("one")).Get("sid")!.Text;
        main.Pump(TimeSpan.Zero);
        WaitUntil(() => main.TickAgeMs > 30);
        Assert.True(Ask(client, Ping(sid, 2)).Get("tick_age_ms")!.Number >= 30);
    }

    [Fact]
    public void Ends_at_once_in_the_middle_of_a_request_and_leaves_its_port_free_time_and_again()
    {
        var port = 0;
        for (var cycle = 0; cycle < 8; cycle++)
        {
            var endpoint = port == 0 ? "tcp://127.0.0.1:*" : $"tcp://127.0.0.1:{port}";
            using var main = new MainThreadQueue();
            var server = GymServer.Start(Rooms, new HostOptions(), new ServeOptions(endpoint, false), main);
            port = new Uri(server.Endpoint).Port;
            using (var client = new DealerSocket(">" + server.Endpoint))
            {
                var sid = Ask(client, Hello($"client {cycle}")).Get("sid")!.Text;
                Send(client, Batch(sid, 2));
                WaitUntil(() => main.QueueDepth == 1);
            }
            // As at the end of Play: the main thread that the request waits for is the one that stops the server.
            server.Dispose();
            Assert.False(server.Running);
            Assert.Null(server.Failure);
            server.Dispose();
        }
    }

    [Fact]
    public void That_connected_stays_with_a_silent_client_and_ends_once_it_is_gone()
    {
        using var client = new DealerSocket();
        client.Options.Linger = TimeSpan.Zero;
        var port = client.BindRandomPort("tcp://127.0.0.1");
        var serve = new ServeOptions($"tcp://127.0.0.1:{port}", true) { OrphanedAfterMs = 300 };
        using var server = GymServer.Start(Rooms, new HostOptions { PingPeriodMs = 20 }, serve, null);
        var sid = Ask(client, Hello("one")).Get("sid")!.Text;
        Thread.Sleep(1000);
        Assert.True(server.Running);
        Assert.Equal("pong", Ask(client, Ping(sid, 2)).Get("t")!.Text);
        client.Dispose();
        WaitUntil(() => !server.Running);
        Assert.Null(server.Failure);
    }

    [Fact]
    public void That_connected_stays_while_its_client_is_stopped_and_ends_once_it_is_gone()
    {
        // A stopped process accepts nothing, but its system still completes the connections.
        using var client = new TcpListener(IPAddress.Loopback, 0);
        client.Start();
        var serve = new ServeOptions($"tcp://{client.LocalEndpoint}", true) { OrphanedAfterMs = 300 };
        using var server = GymServer.Start(Rooms, new HostOptions(), serve, null);
        Thread.Sleep(1500);
        Assert.True(server.Running);
        client.Stop();
        WaitUntil(() => !server.Running);
        Assert.Null(server.Failure);
    }

    [Fact]
    public void That_connected_says_nothing_unasked_after_its_client_was_away_and_the_session_goes_on()
    {
        var client = new DealerSocket();
        client.Options.Linger = TimeSpan.Zero;
        var port = client.BindRandomPort("tcp://127.0.0.1");
        using var server = GymServer.Start(Rooms, new HostOptions(), new ServeOptions($"tcp://127.0.0.1:{port}", true), null);
        var sid = Ask(client, Hello("one")).Get("sid")!.Text;
        for (var again = 0; again < 3; again++)
        {
            client.Dispose();
            client = new DealerSocket();
            client.Options.Linger = TimeSpan.Zero;
            WaitUntil(() => HasBound(client, port));
            NetMQMessage? unasked = null;
            Assert.False(client.TryReceiveMultipartMessage(TimeSpan.FromSeconds(1), ref unasked));
            Assert.Equal("pong", Ask(client, Ping(sid, 2 + again)).Get("t")!.Text);
        }
        client.Dispose();
    }

    [Fact]
    public async Task A_frame_of_the_main_thread_ends_although_the_client_never_pauses()
    {
        using var main = new MainThreadQueue();
        var client = Task.Run(() => Assert.Throws<EnvironmentThreadGoneException>(() => StepWithoutPause(main)));
        WaitUntil(() => main.QueueDepth == 1);
        var frame = Task.Run(() => main.Pump(TimeSpan.FromMilliseconds(20)));
        Assert.True(await frame.WaitAsync(Patience) > 0);
        main.Dispose();
        await client.WaitAsync(Patience);
    }

    private static void StepWithoutPause(MainThreadQueue main)
    {
        while (true)
        {
            main.Run(() => { });
        }
    }

    [Fact]
    public void Says_that_a_port_is_taken_and_that_an_endpoint_is_none()
    {
        using var first = GymServer.Start(Rooms, new HostOptions(), new ServeOptions("tcp://127.0.0.1:*", false), null);
        Assert.Contains("can't be bound", Refusal(first.Endpoint));
        Assert.Contains("is no endpoint", Refusal("127.0.0.1:5005"));
        Assert.Contains("takes CURVE keys and a token", Refusal("tcp://0.0.0.0:5005"));
        Assert.Contains("ports go up to 65535", Refusal("tcp://127.0.0.1:65536"));
        var connect = new ServeOptions("tcp://127.0.0.1:*", true);
        Assert.Contains("can't be connected to", Assert.Throws<ConfigurationException>(() => GymServer.Start(Rooms, new HostOptions(), connect, null)).Message);
    }

    [Fact]
    public void Keeps_a_session_whose_request_takes_longer_than_its_client_may_be_silent()
    {
        using var main = new MainThreadQueue();
        using var server = GymServer.Start(Rooms, new HostOptions { PingPeriodMs = 20 }, new ServeOptions("tcp://127.0.0.1:*", false), main);
        using var client = new DealerSocket(">" + server.Endpoint);
        using var other = new DealerSocket(">" + server.Endpoint);
        var sid = Ask(client, Hello("one")).Get("sid")!.Text;
        Send(client, Batch(sid, 2));
        WaitUntil(() => main.QueueDepth == 1);
        Thread.Sleep(100);
        Assert.Equal("BUSY", Ask(other, Hello("two")).Get("code")!.Text);
        Assert.Equal(1, main.Pump(TimeSpan.Zero));
        Assert.Equal("batch_result", Receive(client).Get("t")!.Text);
        // Silent for too long, but nobody else has come: the session is still its own.
        Thread.Sleep(100);
        Assert.Equal("pong", Ask(client, Ping(sid, 3)).Get("t")!.Text);
        Thread.Sleep(100);
        Assert.Equal("welcome", Ask(other, Hello("two")).Get("t")!.Text);
    }

    // NetMQ leaves an address some time after Dispose has returned.
    private static bool HasBound(DealerSocket socket, int port)
    {
        try
        {
            socket.Bind($"tcp://127.0.0.1:{port}");
            return true;
        }
        catch (AddressAlreadyInUseException)
        {
            return false;
        }
    }

    private static string Refusal(string endpoint) => Refusal(new HostOptions(), new ServeOptions(endpoint, false));

    private static string Refusal(HostOptions options, ServeOptions serve) =>
        Assert.Throws<ConfigurationException>(() => GymServer.Start(Rooms, options, serve, null)).Message;

    private static void WaitUntil(Func<bool> condition)
    {
        Assert.True(SpinWait.SpinUntil(condition, Patience));
    }

    private static WireValue Hello(string client) => Messages.Header("hello", 1, ("client", client));

    private static WireValue Ping(string sid, int req) => Messages.Header("ping", req, ("sid", sid));

    private static WireValue Batch(string sid, int req) =>
        Messages.Header("batch", req, ("sid", sid), ("ops", Messages.List(Messages.Map(("env", 0), ("op", "reset"), ("seed", 1)))));

    private static WireValue Ask(DealerSocket socket, WireValue header)
    {
        Send(socket, header);
        return Receive(socket);
    }

    private static void Send(DealerSocket socket, WireValue header)
    {
        socket.SendFrame(Messages.Encode(header));
    }

    private static WireValue Receive(DealerSocket socket)
    {
        NetMQMessage? message = null;
        Assert.True(socket.TryReceiveMultipartMessage(Patience, ref message), "no answer");
        return MessagePackReader.DecodeHeader(message![0].ToByteArray());
    }
}
