#nullable enable
using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Threading;

namespace Rls3.Gym.Transport.Zmtp
{
    /// <summary>
    /// The ROUTER of ZeroMQ over TCP (ZMTP 3.1), as far as a gym server needs it: it binds or connects, and answers each
    /// message where it came from. All of it runs in the calls of one thread. What a peer sends can end only its own connection;
    /// what it leaves unread or unfinished and the number of peers are bounded.
    /// </summary>
    internal sealed class Router : IDisposable
    {
        private const int BufferBytes = 64 * 1024;

        /// <summary>Messages that are handed out before the other peers are looked at.</summary>
        private const int InARow = 16;

        /// <summary>Descriptors that are left to the rest of the process once they ran out.</summary>
        private const int Reserve = 8;

        private const double LookAfterMs = 250;

        /// <summary>Between two looks after the peers: this process was stopped, or busy, and heard nobody.</summary>
        private const double DeafMs = 1000;
        private const double GoodbyeMs = 100;
        private const double ConnectMs = 5000;
        private const double AcceptAgainMs = 100;
        private const int Fewest = 2;
        private const double FirstRetryMs = 50;
        private const double LongestRetryMs = 1000;

        private readonly Func<Mechanism> secured;
        private readonly ConnectionLimits limits;
        private readonly Func<double> now;
        private readonly byte[] buffer = new byte[BufferBytes];
        private readonly List<Connection> connections = new List<Connection>();
        private readonly HashSet<Connection> held = new HashSet<Connection>();
        private readonly List<Socket> readable = new List<Socket>();
        private readonly List<Socket> writable = new List<Socket>();
        private readonly List<Socket> failed = new List<Socket>();
        private Socket? listener;
        private EndPoint[] remote = Array.Empty<EndPoint>();
        private Socket? connecting;
        private double nextAttempt;
        private double retryMs = FirstRetryMs;
        private int attempts;
        private double lastLookAfter;
        private int most;
        private Connection? kept;
        private double acceptAfter;
        private double attempted;
        private int next;
        private int inARow;

        /// <param name="secured">Makes a connection's mechanism.</param>
        /// <param name="limits">What peers may take.</param>
        /// <param name="now">Milliseconds of a clock that only goes forward.</param>
        public Router(Func<Mechanism> secured, ConnectionLimits limits, Func<double> now)
        {
            this.secured = secured;
            this.limits = limits;
            this.now = now;
            most = limits.Connections;
            LastReached = now();
            lastLookAfter = LastReached;
        }

        public int ConnectionCount => connections.Count;

        /// <summary>
        /// When a peer's system last held or took a connection; at first, when this router was made. A peer that is stopped still
        /// exists, although it finishes no handshake.
        /// </summary>
        public double LastReached { get; private set; }

        /// <summary>The peer that never loses its place to a newcomer.</summary>
        public void Keep(Connection peer) => kept = peer;

        /// <summary>Takes no further message of this peer until <see cref="Release"/>: they wait in the system's buffers and slow it down.</summary>
        public void Hold(Connection peer) => held.Add(peer);

        /// <summary>Takes messages of every peer again.</summary>
        public void Release() => held.Clear();

        /// <summary>An error in reading a peer's bytes that ZMTP does not explain: a fault of this code. It ended that peer's connection.</summary>
        public Exception? Fault { get; private set; }

        /// <returns>The port, which the system chooses for 0.</returns>
        /// <exception cref="SocketException">The address is taken, or none of this machine's.</exception>
        public int Bind(IPAddress address, int port)
        {
            listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            listener.Bind(new IPEndPoint(address, port));
            listener.Listen(limits.Connections);
            return ((IPEndPoint)listener.LocalEndPoint!).Port;
        }

        /// <summary>Connects to the first of the addresses that takes it, again and again until one does, and after each loss.</summary>
        public void Connect(EndPoint[] addresses) => remote = addresses;

        /// <summary>Sends to where a message came from; to a peer that is gone, nothing.</summary>
        public void Send(Connection peer, byte[][] frames)
        {
            if (peer.Ended == null)
            {
                peer.Send(frames);
            }
        }

        /// <summary>The next message, of one peer after the other.</summary>
        public bool TryReceive(int waitMs, out Connection peer, out List<byte[]> frames)
        {
            if (inARow >= InARow || !TryTake(out peer!, out frames!))
            {
                inARow = 0;
                Poll(AnyMessage() ? 0 : waitMs);
                if (!TryTake(out peer!, out frames!))
                {
                    return false;
                }
            }
            inARow++;
            return true;
        }

        /// <summary>
        /// Accepts no more peers, waits until the system has taken all that was sent, tells the peers, and waits for them to close,
        /// no longer than the given time.
        /// </summary>
        public void Finish(double patienceMs)
        {
            listener?.Dispose();
            listener = null;
            remote = Array.Empty<EndPoint>();
            var end = now() + patienceMs;
            while (now() < end && connections.Exists(connection => connection.HasOutput))
            {
                Poll(10);
            }
            foreach (var connection in connections)
            {
                if (connection.Ended == null)
                {
                    Shutdown(connection);
                }
            }
            end = Math.Min(end, now() + GoodbyeMs);
            while (now() < end && connections.Exists(connection => connection.Ended == null && !connection.HasMessage))
            {
                Poll(10);
            }
        }

        private static void Shutdown(Connection connection)
        {
            try
            {
                connection.Socket.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException error)
            {
                connection.End(error.Message);
            }
        }

        public void Dispose()
        {
            listener?.Dispose();
            connecting?.Dispose();
            foreach (var connection in connections)
            {
                connection.End("the server ends");
            }
            connections.Clear();
        }

        private bool AnyMessage() => connections.Exists(CanTake);

        private bool CanTake(Connection connection) => connection.HasMessage && !held.Contains(connection);

        private bool TryTake(out Connection? peer, out List<byte[]>? frames)
        {
            for (var i = 0; i < connections.Count; i++)
            {
                var at = (next + i) % connections.Count;
                if (!CanTake(connections[at]))
                {
                    continue;
                }
                peer = connections[at];
                frames = Taken(peer);
                next = at + 1;
                return true;
            }
            peer = null;
            frames = null;
            return false;
        }

        private void Poll(int waitMs)
        {
            Attempt();
            readable.Clear();
            writable.Clear();
            failed.Clear();
            if (listener != null && now() >= acceptAfter)
            {
                readable.Add(listener);
            }
            foreach (var connection in connections)
            {
                // What a peer sent before comes first; the rest waits in the system's buffers and slows the peer down.
                if (!connection.HasMessage && connection.Ended == null)
                {
                    readable.Add(connection.Socket);
                }
                if (connection.HasOutput)
                {
                    writable.Add(connection.Socket);
                }
            }
            if (connecting != null)
            {
                writable.Add(connecting);
                failed.Add(connecting);
            }
            if (readable.Count + writable.Count == 0)
            {
                Thread.Sleep(Math.Min(waitMs, (int)FirstRetryMs));
            }
            else
            {
                Select(waitMs);
            }
            LookAfter();
            if (connections.Exists(connection => connection.Ended == null))
            {
                LastReached = now();
            }
        }

        private void Select(int waitMs)
        {
            try
            {
                Socket.Select(readable, writable, failed, waitMs * 1000);
            }
            catch (SocketException)
            {
                // The system had no room to wait, so ask it again.
                Thread.Sleep(1);
                return;
            }
            Work();
        }

        private void Work()
        {
            foreach (var connection in connections)
            {
                if (writable.Contains(connection.Socket))
                {
                    connection.Flush();
                }
                if (connection.Ended == null && readable.Contains(connection.Socket))
                {
                    Read(connection);
                }
            }
            if (listener != null && readable.Contains(listener))
            {
                Accept(listener);
            }
            if (connecting != null && (writable.Contains(connecting) || failed.Contains(connecting)))
            {
                Connected(connecting);
            }
            Remove();
        }

        private void Read(Connection connection)
        {
            try
            {
                connection.Read(buffer, now());
            }
            catch (Exception error)
            {
                Blame(connection, error);
            }
            if (connection.Coming > BufferBytes && Coming() > limits.ComingBytes)
            {
                EndLargest();
            }
        }

        private List<byte[]> Taken(Connection connection)
        {
            try
            {
                return connection.TakeMessage(now());
            }
            catch (Exception error)
            {
                Blame(connection, error);
                return new List<byte[]>();
            }
        }

        private void Blame(Connection connection, Exception error)
        {
            Fault ??= error;
            connection.End(error.Message);
        }

        private long Coming()
        {
            var bytes = 0L;
            foreach (var connection in connections)
            {
                bytes += connection.Coming;
            }
            return bytes;
        }

        private void EndLargest()
        {
            Connection? largest = null;
            foreach (var connection in connections)
            {
                if (connection != kept && (largest == null || connection.Coming > largest.Coming))
                {
                    largest = connection;
                }
            }
            largest?.End("others' messages leave no room for its own");
        }

        private void Remove()
        {
            // A complete message is still answered.
            connections.RemoveAll(connection => connection.Ended != null && !connection.HasMessage);
        }

        private void LookAfter()
        {
            var passed = now() - lastLookAfter;
            if (passed < LookAfterMs)
            {
                return;
            }
            lastLookAfter = now();
            if (passed > DeafMs)
            {
                LastReached = Math.Min(lastLookAfter, LastReached + passed);
                connections.ForEach(connection => connection.Excuse(passed, lastLookAfter));
            }
            most = Math.Min(limits.Connections, most + 1);
            if (connecting != null && lastLookAfter - attempted > ConnectMs)
            {
                Retry();
            }
            foreach (var connection in connections)
            {
                connection.LookAfter(lastLookAfter);
            }
            Remove();
        }

        private void Accept(Socket from)
        {
            Socket socket;
            try
            {
                socket = from.Accept();
            }
            catch (SocketException error)
            {
                // A newcomer that has already left is no error. Nor are descriptors that ran out: fewer connections
                // are kept for a while, and the newcomer waits in the system meanwhile.
                var before = Live();
                if (error.SocketErrorCode == SocketError.TooManyOpenSockets || error.SocketErrorCode == SocketError.NoBufferSpaceAvailable)
                {
                    most = Math.Max(Fewest, before - Reserve);
                    MakeRoom(most);
                }
                if (Live() == before)
                {
                    acceptAfter = now() + AcceptAgainMs;
                }
                return;
            }
            MakeRoom(most - 1);
            if (Live() >= most)
            {
                socket.Dispose();
                return;
            }
            Add(socket);
        }

        private void Add(Socket socket)
        {
            try
            {
                socket.Blocking = false;
                socket.NoDelay = true;
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            }
            catch (SocketException)
            {
                socket.Dispose();
                return;
            }
            var connection = new Connection(socket, secured(), limits, now());
            connections.Add(connection);
            connection.Flush();
        }

        private int Live() => connections.FindAll(connection => connection.Ended == null).Count;

        // First the oldest without a finished handshake, then the one whose last message is oldest.
        private void MakeRoom(int atMost)
        {
            for (var over = Live() - atMost; over > 0; over--)
            {
                Connection? last = null;
                foreach (var connection in connections)
                {
                    if (connection.Ended == null && connection != kept && (last == null || GoesBefore(connection, last)))
                    {
                        last = connection;
                    }
                }
                last?.End("others wait for its place");
            }
            Remove();
        }

        private static bool GoesBefore(Connection one, Connection other) =>
            one.Ready != other.Ready ? !one.Ready
            : one.LastMessage != other.LastMessage ? one.LastMessage < other.LastMessage
            : one.Opened < other.Opened;

        private void Attempt()
        {
            if (remote.Length == 0 || connecting != null || connections.Count > 0 || now() < nextAttempt)
            {
                return;
            }
            var address = remote[attempts++ % remote.Length];
            attempted = now();
            try
            {
                connecting = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                connecting.Connect(address);
                Connected(connecting);
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.WouldBlock || error.SocketErrorCode == SocketError.InProgress)
            {
                // Under way: the socket can be written to once it is connected.
            }
            catch (SocketException)
            {
                Retry();
            }
        }

        private void Connected(Socket socket)
        {
            if ((int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)! != 0)
            {
                Retry();
                return;
            }
            connecting = null;
            retryMs = FirstRetryMs;
            LastReached = now();
            nextAttempt = LastReached + FirstRetryMs;
            Add(socket);
        }

        private void Retry()
        {
            connecting?.Dispose();
            connecting = null;
            nextAttempt = now() + retryMs;
            retryMs = Math.Min(2 * retryMs, LongestRetryMs);
        }
    }
}
