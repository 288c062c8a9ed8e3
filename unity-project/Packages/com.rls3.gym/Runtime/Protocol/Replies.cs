#nullable enable
using System;
using Rls3.Gym.Core;

namespace Rls3.Gym.Protocol
{
    /// <summary>The headers that a server sends.</summary>
    internal static class Replies
    {
        public static void Begin(MessagePackWriter writer, int fields, string type, string sid, long req)
        {
            writer.Map(4 + fields);
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
            Begin(writer, 14, "welcome", sid, req);
            writer.Key("protocols");
            writer.Array(1);
            writer.Value(EnvironmentHost.ProtocolVersion);
            writer.Key("name");
            writer.Value(definition.Name);
            writer.Key("package");
            writer.Value(options.Package);
            writer.Key("env_count");
            writer.Value(options.EnvCount);
            writer.Key("action");
            definition.Action.WriteTo(writer);
            writer.Key("observations");
            writer.Array(definition.Observations.Count);
            foreach (var spec in definition.Observations)
            {
                spec.WriteTo(writer);
            }
            writer.Key("autoreset");
            writer.Value("disabled");
            writer.Key("graphics");
            WriteOptional(writer, definition.Graphics);
            writer.Key("time_step");
            WriteOptional(writer, definition.TimeStep);
            WriteCapabilities(writer, definition, options);
            writer.Key("parameters");
            writer.Array(definition.Parameters.Count);
            foreach (var parameter in definition.Parameters)
            {
                parameter.WriteTo(writer);
            }
            writer.Key("limits");
            writer.Map(3);
            writer.Key("max_frame_bytes");
            writer.Value(options.MaxFrameBytes);
            writer.Key("max_in_flight");
            writer.Value(options.MaxInFlight);
            writer.Key("ping_period_ms");
            writer.Value(options.PingPeriodMs);
            writer.Key("catalog");
            definition.Catalog.WriteTo(writer);
            return writer.ToArray();
        }

        private static void WriteCapabilities(MessagePackWriter writer, EnvironmentDefinition definition, HostOptions options)
        {
            var names = new[]
            {
                definition.ClaimsStateHash ? "state_hash" : null,
                definition.Parameters.Count > 0 ? "configure" : null,
                definition.Graphics != null ? "images" : null,
                options.Curve ? "curve" : null,
            };
            var claimed = Array.FindAll(names, name => name != null);
            writer.Key("capabilities");
            writer.Array(claimed.Length);
            foreach (var name in claimed)
            {
                writer.Value(name!);
            }
            writer.Key("state_hash");
            WriteOptional(writer, definition.ClaimsStateHash ? StateHash.Version : (double?)null);
        }

        public static byte[] Pong(string sid, long req, double tickAgeMs, int queueDepth)
        {
            var writer = new MessagePackWriter(128);
            Begin(writer, 2, "pong", sid, req);
            writer.Key("tick_age_ms");
            writer.Value(tickAgeMs);
            writer.Key("queue_depth");
            writer.Value(queueDepth);
            return writer.ToArray();
        }

        public static byte[] Configured(string sid, long req, WireValue parameters)
        {
            var writer = new MessagePackWriter(256);
            Begin(writer, 1, "configured", sid, req);
            writer.Key("parameters");
            parameters.WriteTo(writer);
            return writer.ToArray();
        }

        public static byte[] Closed(string sid, long req)
        {
            var writer = new MessagePackWriter(64);
            Begin(writer, 0, "closed", sid, req);
            return writer.ToArray();
        }

        public static byte[] Error(Exception error, long req, string sid)
        {
            var known = error as ProtocolException ?? new ProtocolException(ErrorCodes.Internal, error.GetType().Name + ": " + error.Message);
            var writer = new MessagePackWriter(512);
            Begin(writer, 4, "error", sid, req);
            WriteBody(writer, known);
            return writer.ToArray();
        }

        /// <summary>The four pairs that every error has.</summary>
        public static void WriteBody(MessagePackWriter writer, ProtocolException error)
        {
            writer.Key("code");
            writer.Value(error.Code);
            writer.Key("message");
            writer.Value(error.Message);
            writer.Key("detail");
            error.Detail.WriteTo(writer);
            writer.Key("retryable");
            writer.Value(error.Retryable);
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
