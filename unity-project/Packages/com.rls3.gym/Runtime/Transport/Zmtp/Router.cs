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
    /// message where it came from. All of it happens in the calls of one thread. What peers send can end their own connection
    /// and no other; what they don't read, what they leave unfinished and how many they are is bounded.
    /// </summary>
    internal sealed class Router : IDisposable
    {
        private const int BufferBytes = 64 * 1024;

        /// <summary>Messages that are handed out before the other peers are looked at.</summary>
        private const int InARow = 16;

        /// <summary>Descriptors that are left to the rest of the process once they have run out.</summary>
        private const int Reserve = 8;

        private const double LookAfterMs = 250;
        private const double FirstRetryMs = 50;
        private const double LongestRetryMs = 1000;

        private readonly Func<Mechanism> secured;
        private readonly ConnectionLimits limits;
        private readonly Func<double> now;
        private readonly byte[] buffer = new byte[BufferBytes];
        private readonly List<Connection> connections = new List<Connection>();
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
        }

        public int ConnectionCount => connections.Count;

        /// <summary>An error in taking what a peer sent that is none of ZMTP: a fault of this code. It ended that peer's connection.</summary>
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

        /// <summary>Sends to where a message came from. A peer that is gone gets nothing.</summary>
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

        /// <summary>Waits until all that was sent is with the system, and no longer than told.</summary>
        public void Flush(double patienceMs)
        {
            var end = now() + patienceMs;
            while (now() < end && connections.Exists(connection => connection.HasOutput))
            {
                Poll(10);
            }
            foreach (var connection in connections)
            {
                try
                {
                    connection.Socket.Shutdown(SocketShutdown.Send);
                }
                catch (SocketException)
                {
                    // The peer is gone already.
                }
            }
        }

        public void Dispose()
        {
            listener?.Dispose();
            connecting?.Dispose();
            foreach (var connection in connections)
            {
                connection.Dispose();
            }
            connections.Clear();
        }

        private bool AnyMessage() => connections.Exists(connection => connection.HasMessage);

        private bool TryTake(out Connection? peer, out List<byte[]>? frames)
        {
            for (var i = 0; i < connections.Count; i++)
            {
                var at = (next + i) % connections.Count;
                if (!connections[at].HasMessage)
                {
                    continue;
                }
                peer = connections[at];
                frames = peer.NextMessage();
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
            if (listener != null)
            {
                readable.Add(listener);
            }
            foreach (var connection in connections)
            {
                // What a peer has sent before is worked through first; what comes then waits with the system, and slows it down.
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
                Socket.Select(readable, writable, failed, waitMs * 1000);
                Work();
            }
            LookAfter();
        }

        private void Work()
        {
            foreach (var connection in connections)
            {
                if (writable.Contains(connection.Socket))
                {
                    connection.Flush();
                }
                if (readable.Contains(connection.Socket))
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
                Fault ??= error;
                connection.End(error.Message);
            }
            if (connection.Coming > BufferBytes && Coming() > limits.ComingBytes)
            {
                connection.End("others' messages leave no room for its own");
            }
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

        private void Remove()
        {
            for (var i = connections.Count - 1; i >= 0; i--)
            {
                // What a peer asked before it was lost is still answered for: it was asked, and its effects count.
                if (connections[i].Ended != null && !connections[i].HasMessage)
                {
                    connections[i].Dispose();
                    connections.RemoveAt(i);
                }
            }
        }

        private void LookAfter()
        {
            if (now() - lastLookAfter < LookAfterMs)
            {
                return;
            }
            lastLookAfter = now();
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
                // A newcomer that is gone again says nothing. Descriptors that have run out end nothing either: fewer connections
                // are kept from now on, and the newcomer waits with the system meanwhile.
                if (error.SocketErrorCode == SocketError.TooManyOpenSockets || error.SocketErrorCode == SocketError.NoBufferSpaceAvailable)
                {
                    most = Math.Max(1, connections.Count - Reserve);
                    MakeRoom(most);
                }
                return;
            }
            MakeRoom(most - 1);
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

        // Who has not got through the handshake goes first, the oldest of them; then who has not asked anything for longest.
        private void MakeRoom(int atMost)
        {
            for (var over = connections.Count - atMost; over > 0; over--)
            {
                Connection? last = null;
                foreach (var connection in connections)
                {
                    if (connection.Ended == null && (last == null || GoesBefore(connection, last)))
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
            connecting = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            try
            {
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
            nextAttempt = now() + FirstRetryMs;
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
