#nullable enable
using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;
using Rls3.Gym.Core;

namespace Rls3.Gym.Protocol
{
    /// <summary>How a server is set up.</summary>
    public sealed class HostOptions
    {
        public int EnvCount { get; set; } = 1;

        public long MaxFrameBytes { get; set; } = 64L * 1024 * 1024;

        public int MaxInFlight { get; set; } = 8;

        public int PingPeriodMs { get; set; } = 5000;

        /// <summary>A client must send the same in hello; not empty. Null asks for none.</summary>
        public string? Token { get; set; }

        /// <summary>The server's package, for logs: name/version.</summary>
        public string Package { get; set; } = "com.rls3.gym/" + EnvironmentHost.PackageVersion;

        /// <summary>Whether the transport encrypts; welcome then names the capability `curve`.</summary>
        public bool Curve { get; set; }
    }

    /// <summary>Where environments run: in Unity on the main thread, in the headless host on the caller's.</summary>
    public interface IEnvironmentThread
    {
        /// <summary>Runs the work and returns when it is done, or throws <see cref="EnvironmentThreadGoneException"/> if it never will be.</summary>
        void Run(Action work);

        /// <summary>Milliseconds since that thread last looked for work; 0 if it is the caller's own.</summary>
        double TickAgeMs { get; }

        int QueueDepth { get; }
    }

    /// <summary>
    /// The environments' thread takes no more work, so the server ends. Only an <see cref="IEnvironmentThread"/> throws it: a
    /// cancellation inside an environment is a failure of that environment like any other.
    /// </summary>
    public sealed class EnvironmentThreadGoneException : Exception
    {
        public EnvironmentThreadGoneException(string message)
            : base(message)
        {
        }
    }

    /// <summary>Environments on the caller's own thread.</summary>
    public sealed class CallingThread : IEnvironmentThread
    {
        public double TickAgeMs => 0;

        public int QueueDepth => 0;

        public void Run(Action work) => work();
    }

    /// <summary>
    /// What a server does with a message, without sockets: one session at a time, requests in order, each executed once,
    /// replies kept for resends. protocol/README.md is the specification.
    /// </summary>
    public sealed class EnvironmentHost : IDisposable
    {
        public const int ProtocolVersion = 1;

        /// <summary>As in package.json.</summary>
        public const string PackageVersion = "0.1.0";

        private readonly EnvironmentDefinition definition;
        private readonly HostOptions options;
        private readonly IEnvironmentThread thread;
        private readonly BatchRunner batches;
        private Session? session;
        private bool executing;

        public EnvironmentHost(EnvironmentDefinition definition, HostOptions options, IEnvironmentThread thread)
        {
            if (options.EnvCount < 1 || options.EnvCount > 65535)
            {
                throw new ArgumentOutOfRangeException(nameof(options), $"EnvCount must be from 1 to 65535, not {options.EnvCount}");
            }
            if (options.Token != null && options.Token.Length == 0)
            {
                throw new ArgumentException("Token is empty; leave it null to serve without one", nameof(options));
            }
            this.definition = definition;
            this.options = options;
            this.thread = thread;
            batches = new BatchRunner(definition, options.EnvCount);
        }

        /// <summary>Sessions ended by a `close`; a server that was started for one session ends then.</summary>
        public int SessionsClosed { get; private set; }

        public bool HasSession => session != null;

        /// <summary>The session's client, as it named itself; null without a session.</summary>
        public string? Client => session?.Client;

        /// <summary>Whether the last message that was answered belongs to the session, not to a stranger.</summary>
        public bool WasOfSession { get; private set; }

        /// <summary>Notes that the session's client was heard, or that one of its requests has just finished: its silence begins now.</summary>
        public void Heard(double nowMs)
        {
            if (session != null)
            {
                session.LastHeard = nowMs;
            }
        }

        /// <summary>Whether another client may have the session: there is none, or its client has been silent for three ping periods and none of its requests runs.</summary>
        private bool IsFree(double nowMs) => session == null || (!executing && nowMs - session.LastHeard >= 3.0 * options.PingPeriodMs);

        public void Dispose() => batches.Dispose();

        /// <summary>Exactly one response for each request: the frames of a message to the frames of its answer.</summary>
        /// <param name="frames">Of the message.</param>
        /// <param name="nowMs">A clock that only goes forward.</param>
        /// <exception cref="EnvironmentThreadGoneException">The environments' thread is gone.</exception>
        public byte[][] Answer(IReadOnlyList<byte[]> frames, double nowMs)
        {
            long req = 0;
            var sid = "";
            WasOfSession = false;
            try
            {
                if (frames.Count == 0)
                {
                    throw ProtocolException.BadMessage("a message without frames");
                }
                CheckFrame(frames, 0);
                var header = MessagePackReader.DecodeHeader(frames[0]);
                var number = header.Get("req");
                if (number != null && number.IsInteger(out var integer) && integer >= 1)
                {
                    req = integer;
                }
                CheckVersion(header);
                if (req < 1)
                {
                    throw Fields.Wrong("req", "an integer from 1 to 2^53 - 1", number);
                }
                var type = header.Get("t");
                if (type != null && type.Kind == WireValue.Kinds.String && type.Text == "hello")
                {
                    return Hello(header, req, nowMs);
                }
                var current = session;
                var given = header.Get("sid");
                if (current == null || given == null || given.Kind != WireValue.Kinds.String || given.Text != current.Sid)
                {
                    throw NoSession(given);
                }
                sid = current.Sid;
                return InSession(current, req, header, frames, nowMs);
            }
            catch (Exception error) when (!(error is EnvironmentThreadGoneException))
            {
                return Reply(Replies.Error(error, req, sid));
            }
        }

        /// <summary>Whether a message is not the session's: its answer (BUSY, NO_SESSION, a bad message) touches no environment.</summary>
        public bool IsStranger(IReadOnlyList<byte[]> frames)
        {
            if (session == null || frames.Count == 0)
            {
                return true;
            }
            try
            {
                var header = MessagePackReader.DecodeHeader(frames[0]);
                var key = header.Get("t")?.Text == "hello" ? header.Get("client") : header.Get("sid");
                return key == null || (key.Text != session.Sid && key.Text != session.Client);
            }
            catch (ProtocolException)
            {
                return true;
            }
        }

        private static byte[][] Reply(byte[] header) => new[] { header };

        // The session's own: once the header could be read, what is wrong with them takes the request's number.
        private void CheckPayload(IReadOnlyList<byte[]> frames)
        {
            if (frames.Count > DecoderLimits.Frames)
            {
                throw ProtocolException.BadMessage($"{frames.Count} frames; at most {DecoderLimits.Frames} are allowed");
            }
            for (var i = 1; i < frames.Count; i++)
            {
                CheckFrame(frames, i);
            }
        }

        private void CheckFrame(IReadOnlyList<byte[]> frames, int index)
        {
            if (frames[index].Length > options.MaxFrameBytes)
            {
                throw TooLarge($"frame {index}", frames[index].Length, options.MaxFrameBytes);
            }
        }

        private static void CheckVersion(WireValue header)
        {
            var version = header.Get("v");
            if (version == null || !version.IsInteger(out var number) || number != ProtocolVersion)
            {
                throw WrongVersion();
            }
        }

        private byte[][] Hello(WireValue header, long req, double nowMs)
        {
            var hello = HelloRequest.Parse(header);
            if (!hello.Speaks(ProtocolVersion))
            {
                throw WrongVersion();
            }
            if (options.Token != null && !SameToken(options.Token, hello.Token ?? ""))
            {
                throw new ProtocolException(ErrorCodes.Auth, $"hello's token is {(hello.Token == null ? "missing" : "not this server's")}");
            }
            if (session != null && session.Client != hello.Client && !IsFree(nowMs))
            {
                throw new ProtocolException(
                    ErrorCodes.Busy,
                    "another client has a session here; it ends with its close or after three silent ping periods",
                    Details.Of("ping_period_ms", WireValue.Of(options.PingPeriodMs)),
                    true);
            }
            WasOfSession = true;
            if (session != null && session.Client == hello.Client && session.FirstReq == req)
            {
                // The same hello once more: its welcome was lost on the way.
                session.LastHeard = nowMs;
                return session.LastReq == req ? session.Kept(req)! : throw OutOfOrder(req, session.LastReq + 1);
            }
            var opened = new Session(NewSid(), hello.Client, hello.MaxFrameBytes, req, options.MaxInFlight) { LastHeard = nowMs };
            var reply = Reply(Replies.Welcome(definition, options, opened.Sid, req));
            opened.Keep(req, reply);
            session = opened;
            batches.Begin(hello.Seed);
            return reply;
        }

        private byte[][] InSession(Session current, long req, WireValue header, IReadOnlyList<byte[]> frames, double nowMs)
        {
            current.LastHeard = nowMs;
            WasOfSession = true;
            if (req != current.LastReq + 1)
            {
                var kept = req <= current.LastReq && req > current.FirstReq ? current.Kept(req) : null;
                return kept ?? throw OutOfOrder(req, current.LastReq + 1);
            }
            byte[][] reply;
            executing = true;
            try
            {
                CheckPayload(frames);
                reply = Execute(Fields.Text(header.Get("t"), "t"), current, req, header, frames);
                foreach (var frame in reply)
                {
                    if (frame.Length > current.MaxFrameBytes)
                    {
                        throw TooLarge("a frame of the answer", frame.Length, current.MaxFrameBytes);
                    }
                }
            }
            catch (Exception error) when (!(error is EnvironmentThreadGoneException))
            {
                reply = Reply(Replies.Error(error, req, current.Sid));
            }
            finally
            {
                executing = false;
            }
            // Others may have been answered while it ran.
            WasOfSession = true;
            // Errors take their number too: a resend must get the same answer.
            current.Keep(req, reply);
            return reply;
        }

        private byte[][] Execute(string type, Session current, long req, WireValue header, IReadOnlyList<byte[]> frames)
        {
            switch (type)
            {
                case "batch":
                    return Batch(current, req, header, frames);
                case "ping":
                    return Reply(Replies.Pong(current.Sid, req, thread.TickAgeMs, thread.QueueDepth));
                case "configure":
                    var parameters = ParameterRequest.Parse(header, definition.Parameters);
                    thread.Run(() => batches.Configure(parameters));
                    return Reply(Replies.Configured(current.Sid, req, parameters));
                case "close":
                    session = null;
                    SessionsClosed++;
                    return Reply(Replies.Closed(current.Sid, req));
                default:
                    throw ProtocolException.BadMessage(
                        $"unknown message type \"{Fields.Start(type, 64)}\"; known: hello, batch, ping, configure, close",
                        "t");
            }
        }

        private byte[][] Batch(Session current, long req, WireValue header, IReadOnlyList<byte[]> frames)
        {
            // Everything that can be wrong with the whole message is found before the first environment moves.
            var request = BatchRequest.Parse(header, frames, definition, options.EnvCount, current.MaxFrameBytes);
            batches.CheckLength(request, current.Sid, req, current.MaxFrameBytes);
            byte[][]? reply = null;
            thread.Run(() => reply = batches.Run(request, current.Sid, req));
            return reply ?? throw new EnvironmentThreadGoneException("the environments' thread did not run the batch");
        }

        private static string NewSid()
        {
            var bytes = new byte[8];
            RandomNumberGenerator.Fill(bytes);
            return BitConverter.ToString(bytes).Replace("-", "").ToLowerInvariant();
        }

        private static bool SameToken(string a, string b) =>
            CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(a), Encoding.UTF8.GetBytes(b));

        private static ProtocolException WrongVersion() => new ProtocolException(
            ErrorCodes.Version,
            $"this server speaks protocol {ProtocolVersion}",
            Details.Of("protocols", WireValue.OfArray(WireValue.Of(ProtocolVersion))));

        internal static ProtocolException TooLarge(string what, long bytes, long limit) => new ProtocolException(
            ErrorCodes.TooLarge,
            $"{what} has {bytes} bytes; max_frame_bytes is {limit}",
            Details.Of("bytes", WireValue.Of(bytes), "limit", WireValue.Of(limit)));

        private static ProtocolException NoSession(WireValue? sid)
        {
            var named = sid == null || sid.Kind != WireValue.Kinds.String ? "" : $" \"{Fields.Start(sid.Text, 32)}\"";
            return new ProtocolException(ErrorCodes.NoSession, $"there is no session{named} here (any more); say hello first");
        }

        private static ProtocolException OutOfOrder(long req, long expected)
        {
            var gap = req > expected;
            var why = gap ? $"requests before {req} are missing" : $"the reply to {req} is not kept any more";
            return new ProtocolException(ErrorCodes.OutOfOrder, $"{why}; the next is {expected}", Details.Of("expected", WireValue.Of(expected)), gap);
        }
    }
}
