#nullable enable
using System;
using Rls3.Gym.Core;

namespace Rls3.Gym.Protocol
{
    /// <summary>What a server may answer instead of a result; protocol/README.md says when.</summary>
    public static class ErrorCodes
    {
        public const string Version = "VERSION";
        public const string Auth = "AUTH";
        public const string Busy = "BUSY";
        public const string BadMessage = "BAD_MESSAGE";
        public const string BadAction = "BAD_ACTION";
        public const string NotReset = "NOT_RESET";
        public const string NoGraphics = "NO_GRAPHICS";
        public const string TooLarge = "TOO_LARGE";
        public const string NoSession = "NO_SESSION";
        public const string OutOfOrder = "OUT_OF_ORDER";
        public const string EnvCrash = "ENV_CRASH";
        public const string Internal = "INTERNAL";
    }

    /// <summary>An error as it crosses the wire, for a request or for one environment of a batch.</summary>
    public sealed class ProtocolException : Exception
    {
        public ProtocolException(string code, string message, WireValue? detail = null, bool retryable = false)
            : base(message)
        {
            Code = code;
            Detail = detail ?? WireValue.EmptyMap;
            Retryable = retryable;
        }

        public string Code { get; }

        public WireValue Detail { get; }

        /// <summary>The same request may succeed later, or after what Detail names.</summary>
        public bool Retryable { get; }

        /// <summary>A message that breaks the specification, and the field that does.</summary>
        public static ProtocolException BadMessage(string message, string? field = null) =>
            new ProtocolException(ErrorCodes.BadMessage, message, field == null ? null : Details.Of("field", WireValue.Of(field)));
    }

    /// <summary>Maps of an error's detail.</summary>
    public static class Details
    {
        public static WireValue Of(string key, WireValue value) => WireValue.OfMap(new[] { key }, new[] { value });

        public static WireValue Of(string key, WireValue value, string second, WireValue secondValue) =>
            WireValue.OfMap(new[] { key, second }, new[] { value, secondValue });
    }
}
