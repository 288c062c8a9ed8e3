#nullable enable
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using Rls3.Gym.Transport.Zmtp;

namespace Rls3.Gym.Transport
{
    /// <summary>How a server reaches its clients.</summary>
    public sealed class ServeOptions
    {
        public ServeOptions(string endpoint, bool connect)
        {
            Endpoint = endpoint;
            Connect = connect;
            Once = connect;
        }

        /// <summary>tcp://127.0.0.1:* takes a free port (bind only).</summary>
        public string Endpoint { get; }

        /// <summary>The client has bound, as a trainer does for the players that it spawns.</summary>
        public bool Connect { get; }

        /// <summary>End after the first session. A server that connects does so, unless told otherwise.</summary>
        public bool Once { get; set; }

        public GymKeys? Keys { get; set; }

        /// <summary>A server that connects ends once its client's address has been unreachable for so long: the client is gone.</summary>
        public double OrphanedAfterMs { get; set; } = 5000;

        /// <summary>Called once a message of more than <see cref="LargeBytes"/> is answered and released; clients of the rooms send none that large.</summary>
        public Action? AfterLarge { get; set; }

        public const long LargeBytes = 16L * 1024 * 1024;
    }

    /// <summary>
    /// A ROUTER socket around an <see cref="EnvironmentHost"/>, on its own thread; no other thread touches the socket. It waits at
    /// most 100 ms at a time, so it ends soon after it is told to.
    /// </summary>
    public sealed class GymServer : IDisposable
    {
        private const int WaitMs = 100;
        private const double LingerMs = 500;

        /// <summary>Messages of others that are looked at before the request that runs is.</summary>
        private const int OthersAtOnce = 64;

        private readonly ServeOptions serve;
        private readonly IPEndPoint[] addresses;
        private readonly HostOptions options;
        private readonly EnvironmentHost host;
        private readonly MainThreadQueue? mainThread;
        private readonly Thread thread;
        private readonly Stopwatch clock = Stopwatch.StartNew();
        private readonly ManualResetEventSlim bound = new ManualResetEventSlim();
        private readonly Queue<Message> postponed = new Queue<Message>();
        private Message running;
        private Router? socket;
        private volatile bool stopping;

        // A message and where it came from.
        private readonly struct Message
        {
            public readonly Connection Peer;
            public readonly List<byte[]> Frames;

            public Message(Connection peer, List<byte[]> frames)
            {
                Peer = peer;
                Frames = frames;
            }

            /// <summary>Whether it is the same request from the same place. One that comes again over another connection is answered there.</summary>
            public bool IsCopyOf(in Message other) =>
                Peer == other.Peer && Frames.Count > 0 && other.Frames.Count > 0 && Frames[0].AsSpan().SequenceEqual(other.Frames[0]);

            public bool IsLarge
            {
                get
                {
                    var bytes = 0L;
                    foreach (var frame in Frames)
                    {
                        bytes += frame.Length;
                    }
                    return bytes > ServeOptions.LargeBytes;
                }
            }
        }

        private GymServer(EnvironmentDefinition definition, HostOptions options, ServeOptions serve, IPEndPoint[] addresses, MainThreadQueue? mainThread)
        {
            this.serve = serve;
            this.addresses = addresses;
            this.options = options;
            this.mainThread = mainThread;
            host = new EnvironmentHost(definition, Secured(options, serve.Keys), mainThread == null ? (IEnvironmentThread)new CallingThread() : mainThread);
            if (mainThread != null)
            {
                mainThread.Idle = LookAfterOthers;
            }
            Endpoint = serve.Endpoint;
            thread = new Thread(Loop) { IsBackground = true, Name = "RLS3 gym server" };
        }

        /// <summary>Messages of the session that wait for the one that runs: all that a client may have under way, twice.</summary>
        private int MostPostponed => (2 * options.MaxInFlight) + 2;

        /// <summary>Where it is bound, with the port that was taken, or where it connects to.</summary>
        public string Endpoint { get; private set; }

        /// <summary>What ended the server before it was told to; null if nothing did.</summary>
        public Exception? Failure { get; private set; }

        public bool Running => thread.IsAlive;

        public string? Client => host.Client;

        /// <summary>Requests answered so far.</summary>
        public long Answered { get; private set; }

        /// <param name="definition">What is served.</param>
        /// <param name="options">Limits and number of environments.</param>
        /// <param name="serve">Where.</param>
        /// <param name="mainThread">Where environments run; null runs them on the server's own thread.</param>
        /// <exception cref="ConfigurationException">The endpoint can't be served.</exception>
        public static GymServer Start(EnvironmentDefinition definition, HostOptions options, ServeOptions serve, MainThreadQueue? mainThread)
        {
            Endpoints.Check(serve.Endpoint, serve.Keys);
            CheckToken(options.Token, serve.Keys);
            if (serve.Connect && serve.Endpoint.Contains("*"))
            {
                throw new ConfigurationException($"{serve.Endpoint} can't be connected to: * stands for any port or address, which only a server that binds can take");
            }
            var server = new GymServer(definition, options, serve, Endpoints.Resolve(serve.Endpoint), mainThread);
            server.thread.Start();
            server.bound.Wait();
            if (server.Failure != null)
            {
                server.Dispose();
                var why = server.Failure.Message;
                throw new ConfigurationException(serve.Connect
                    ? $"{serve.Endpoint} can't be connected to: {why}"
                    : $"{serve.Endpoint} can't be bound: {why}; is another server running there?");
            }
            return server;
        }

        // A copy: what keys bring is no option of the caller's, who may start another server with the same ones.
        private static HostOptions Secured(HostOptions options, GymKeys? keys) => new HostOptions
        {
            EnvCount = options.EnvCount,
            MaxFrameBytes = options.MaxFrameBytes,
            MaxInFlight = options.MaxInFlight,
            PingPeriodMs = options.PingPeriodMs,
            Token = keys?.Token ?? options.Token,
            Package = options.Package,
            Curve = keys != null,
        };

        private static void CheckToken(string? token, GymKeys? keys)
        {
            if (token != null && token.Length == 0)
            {
                throw new ConfigurationException("token is empty; leave it out to serve without one");
            }
            if (token != null && keys != null)
            {
                throw new ConfigurationException("keys bring a token of their own; give keys or a token, and not both");
            }
        }

        /// <summary>Waits until the server has ended by itself: its one session is over, it was orphaned, or it failed.</summary>
        public void WaitForEnd() => thread.Join();

        /// <summary>Ends the server and returns when its socket is closed. A second call does nothing.</summary>
        public void Dispose()
        {
            stopping = true;
            mainThread?.Dispose();
            if (Thread.CurrentThread != thread)
            {
                thread.Join();
            }
            host.Dispose();
        }

        private void Loop()
        {
            try
            {
                socket = Open();
                bound.Set();
                Serve(socket);
            }
            catch (EnvironmentThreadGoneException)
            {
                // The main thread stopped in the middle of a request: its client asks again, of the next server.
            }
            catch (Exception error)
            {
                Failure = error;
            }
            finally
            {
                socket?.Dispose();
                bound.Set();
            }
        }

        private Router Open()
        {
            var keys = serve.Keys;
            var limits = new ConnectionLimits
            {
                // A frame somewhat too large is answered, and not cut off.
                FrameBytes = Math.Min(2 * options.MaxFrameBytes, 1 << 30),
                MessageBytes = 4 * options.MaxFrameBytes,
                ComingBytes = 8 * options.MaxFrameBytes,
                // The answers to twice what a client may have under way; it may ask again for those that are dropped.
                Unread = MostPostponed,
            };
            var router = new Router(() => keys == null ? (Mechanism)new NullMechanism() : new CurveMechanism(keys.PublicKey, keys.SecretKey), limits, () => Now);
            if (serve.Connect)
            {
                router.Connect(addresses);
                return router;
            }
            try
            {
                var port = router.Bind(addresses[0].Address, addresses[0].Port);
                Endpoint = serve.Endpoint.Substring(0, serve.Endpoint.LastIndexOf(':') + 1) + port.ToString(CultureInfo.InvariantCulture);
                return router;
            }
            catch (SocketException)
            {
                router.Dispose();
                throw;
            }
        }

        private void Serve(Router router)
        {
            while (!stopping)
            {
                if (!TryNext(router, out var message))
                {
                    if (serve.Connect && Now - router.LastReached > serve.OrphanedAfterMs)
                    {
                        return;
                    }
                    continue;
                }
                Answer(router, message);
                Answered++;
                if (message.IsLarge)
                {
                    message = default;
                    serve.AfterLarge?.Invoke();
                }
                if (serve.Once && host.SessionsClosed > 0)
                {
                    break;
                }
            }
            // Leaves the last answers their way out.
            router.Finish(LingerMs);
        }

        private void Answer(Router router, Message message)
        {
            running = message;
            router.Send(message.Peer, host.Answer(message.Frames, Now));
            running = default;
            if (host.WasOfSession)
            {
                router.Keep(message.Peer);
                host.Heard(Now);
            }
        }

        private double Now => clock.Elapsed.TotalMilliseconds;

        private bool TryNext(Router router, out Message message)
        {
            var any = postponed.TryDequeue(out message);
            if (postponed.Count < MostPostponed)
            {
                router.Release();
            }
            return any || TryReceive(router, WaitMs, out message);
        }

        // While a request runs on the main thread: strangers get their answer at once, the session's own requests wait their turn.
        private void LookAfterOthers()
        {
            for (var i = 0; i < OthersAtOnce && !stopping && socket != null && TryReceive(socket, 0, out var message); i++)
            {
                if (!host.IsStranger(message.Frames))
                {
                    host.Heard(Now);
                    Postpone(socket, message);
                    continue;
                }
                socket.Send(message.Peer, host.Answer(message.Frames, Now));
            }
        }

        // A client sends again what takes long: the copy needs no answer of its own. Nothing else is dropped.
        private void Postpone(Router router, Message message)
        {
            if (message.IsCopyOf(running))
            {
                return;
            }
            foreach (var waiting in postponed)
            {
                if (message.IsCopyOf(waiting))
                {
                    return;
                }
            }
            postponed.Enqueue(message);
            if (postponed.Count >= MostPostponed)
            {
                router.Hold(message.Peer);
            }
        }

        private static bool TryReceive(Router router, int waitMs, out Message message)
        {
            var any = router.TryReceive(waitMs, out var peer, out var frames);
            message = any ? new Message(peer, frames) : default;
            return any;
        }
    }
}
