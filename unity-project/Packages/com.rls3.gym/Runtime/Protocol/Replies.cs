#nullable enable
using System;
using Rls3.Gym.Core;

namespace Rls3.Gym.Protocol
{
    /// <summary>The headers that a server sends.</summary>
    internal static class Replies
    {
        private const int LongestText = 2000;

        /// <summary>Begins the map of a header, with the four pairs that every one has; its End is the caller's.</summary>
        public static void Begin(MessagePackWriter writer, string type, string sid, long req)
        {
            writer.BeginMap();
            writer.Key("v");
            writer.Value(EnvironmentHost.ProtocolVersion);
            writer.Key("t");
            writer.Value(type);
            writer.Key("sid");
            writer.Value(sid);
            writer.Key("req");
            writer.Value(req);
        }

        public static byte[] Welcome(EnvironmentDefinition definition, HostOptions options, string sid, long req)
        {
            var writer = new MessagePackWriter(8192);
            Begin(writer, "welcome", sid, req);
            writer.Key("protocols");
            writer.BeginArray();
            writer.Value(EnvironmentHost.ProtocolVersion);
            writer.EndArray();
            writer.Key("name");
            writer.Value(definition.Name);
            writer.Key("package");
            writer.Value(options.Package);
            writer.Key("env_count");
            writer.Value(options.EnvCount);
            writer.Key("action");
            definition.Action.WriteTo(writer);
            writer.Key("observations");
            writer.BeginArray();
            foreach (var spec in definition.Observations)
            {
                spec.WriteTo(writer);
            }
            writer.EndArray();
            writer.Key("autoreset");
            writer.Value("disabled");
            writer.Key("graphics");
            WriteOptional(writer, definition.Graphics);
            writer.Key("time_step");
            WriteOptional(writer, definition.TimeStep);
            WriteCapabilities(writer, definition, options);
            writer.Key("parameters");
            writer.BeginArray();
            foreach (var parameter in definition.Parameters)
            {
                parameter.WriteTo(writer);
            }
            writer.EndArray();
            writer.Key("limits");
            writer.BeginMap();
            writer.Key("max_frame_bytes");
            writer.Value(options.MaxFrameBytes);
            writer.Key("max_in_flight");
            writer.Value(options.MaxInFlight);
            writer.Key("ping_period_ms");
            writer.Value(options.PingPeriodMs);
            writer.EndMap();
            writer.Key("catalog");
            definition.Catalog.WriteTo(writer);
            return Ended(writer);
        }

        private static void WriteCapabilities(MessagePackWriter writer, EnvironmentDefinition definition, HostOptions options)
        {
            writer.Key("capabilities");
            writer.BeginArray();
            Claim(writer, definition.ClaimsStateHash, "state_hash");
            Claim(writer, definition.Parameters.Count > 0, "configure");
            Claim(writer, definition.Graphics != null, "images");
            Claim(writer, options.Curve, "curve");
            writer.EndArray();
            writer.Key("state_hash");
            WriteOptional(writer, definition.ClaimsStateHash ? StateHash.Version : (double?)null);
        }

        private static void Claim(MessagePackWriter writer, bool has, string capability)
        {
            if (has)
            {
                writer.Value(capability);
            }
        }

        public static byte[] Pong(string sid, long req, double tickAgeMs, int queueDepth)
        {
            var writer = new MessagePackWriter(128);
            Begin(writer, "pong", sid, req);
            writer.Key("tick_age_ms");
            writer.Value(tickAgeMs);
            writer.Key("queue_depth");
            writer.Value(queueDepth);
            return Ended(writer);
        }

        public static byte[] Configured(string sid, long req, WireValue parameters)
        {
            var writer = new MessagePackWriter(256);
            Begin(writer, "configured", sid, req);
            writer.Key("parameters");
            parameters.WriteTo(writer);
            return Ended(writer);
        }

        public static byte[] Closed(string sid, long req)
        {
            var writer = new MessagePackWriter(64);
            Begin(writer, "closed", sid, req);
            return Ended(writer);
        }

        public static byte[] Error(Exception error, long req, string sid)
        {
            var known = error as ProtocolException ?? new ProtocolException(ErrorCodes.Internal, $"{error.GetType().Name}: {error.Message}");
            try
            {
                return ErrorHeader(known, req, sid);
            }
            catch (ProtocolException)
            {
                // A definition's own error, with a detail that can't be sent.
                return ErrorHeader(new ProtocolException(known.Code, known.Message, null, known.Retryable), req, sid);
            }
        }

        private static byte[] ErrorHeader(ProtocolException error, long req, string sid)
        {
            var writer = new MessagePackWriter(512);
            Begin(writer, "error", sid, req);
            WriteBody(writer, error);
            return Ended(writer);
        }

        /// <summary>The four pairs that every error has, with its texts cut.</summary>
        public static void WriteBody(MessagePackWriter writer, ProtocolException error)
        {
            writer.Key("code");
            writer.Value(error.Code);
            writer.Key("message");
            writer.Value(Cut(error.Message));
            writer.Key("detail");
            var detail = error.Detail;
            writer.BeginMap();
            for (var i = 0; i < detail.Keys.Count; i++)
            {
                writer.Key(detail.Keys[i]);
                (detail.Items[i].Kind == WireValue.Kinds.String ? WireValue.Of(Cut(detail.Items[i].Text)) : detail.Items[i]).WriteTo(writer);
            }
            writer.EndMap();
            writer.Key("retryable");
            writer.Value(error.Retryable);
        }

        /// <summary>A text that contains others' (an exception's, a name from a message), cut to what fits into any answer.</summary>
        public static string Cut(string text)
        {
            if (text.Length <= LongestText)
            {
                return text;
            }
            var length = char.IsHighSurrogate(text[LongestText - 1]) ? LongestText - 1 : LongestText;
            return text.Substring(0, length) + "…";
        }

        /// <summary>Ends a header's map.</summary>
        /// <exception cref="ProtocolException">TOO_LARGE or INTERNAL for a header that every decoder must refuse.</exception>
        public static byte[] Ended(MessagePackWriter writer)
        {
            writer.EndMap();
            HeaderScan.Require(writer.Written);
            return writer.ToArray();
        }

        private static void WriteOptional(MessagePackWriter writer, string? value)
        {
            if (value == null)
            {
                writer.Nil();
                return;
            }
            writer.Value(value);
        }

        private static void WriteOptional(MessagePackWriter writer, double? value)
        {
            if (value == null)
            {
                writer.Nil();
                return;
            }
            writer.Value(value.Value);
        }
    }
}
