#nullable enable
using System;
using System.Collections.Generic;
using Rls3.Gym.Core;

namespace Rls3.Gym.Protocol
{
    /// <summary>Fields of a header, each read once with a message that names it.</summary>
    internal static class Fields
    {
        public const long LargestInteger = 9007199254740991L;

        public static ProtocolException Wrong(string path, string expected, WireValue? value) =>
            ProtocolException.BadMessage($"{path} must be {expected}; it is {Shown(value)}", path);

        public static long Integer(WireValue? value, string path, long low, long high) =>
            value != null && value.IsInteger(out var integer) && integer >= low && integer <= high
                ? integer
                : throw Wrong(path, $"an integer from {low} to {high}", value);

        public static long Seed(WireValue value, string path) => Integer(value, path, 0, LargestInteger);

        public static string Text(WireValue? value, string path) =>
            value != null && value.Kind == WireValue.Kinds.String ? value.Text : throw Wrong(path, "a string", value);

        public static WireValue Map(WireValue? value, string path) =>
            value != null && value.Kind == WireValue.Kinds.Map ? value : throw Wrong(path, "a map", value);

        public static IReadOnlyList<WireValue> Array(WireValue? value, string path) =>
            value != null && value.Kind == WireValue.Kinds.Array ? value.Items : throw Wrong(path, "an array", value);

        /// <summary>The value of a key, null if it is missing or nil.</summary>
        public static WireValue? Optional(WireValue map, string key)
        {
            var value = map.Get(key);
            return value == null || value.IsNil ? null : value;
        }

        /// <summary>An entry's path. Concatenated: each row of a batch has one, and here an interpolated number would be boxed and formatted.</summary>
        public static string Entry(string array, int index) => array + "[" + index + "]";

        /// <summary>As much of a client's text as a message repeats.</summary>
        public static string Start(string text, int longest) => text.Length > longest ? text.Substring(0, longest) : text;

        private static string Shown(WireValue? value)
        {
            switch (value?.Kind)
            {
                case null:
                    return "missing";
                case WireValue.Kinds.Nil:
                    return "nil";
                case WireValue.Kinds.Boolean:
                    return "boolean";
                case WireValue.Kinds.Number:
                    return $"number ({value.Number.ToString("R", System.Globalization.CultureInfo.InvariantCulture)})";
                case WireValue.Kinds.String:
                    return $"string (\"{Start(value.Text, 58)}\")";
                case WireValue.Kinds.Array:
                    return "an array";
                default:
                    return "a map";
            }
        }
    }

    /// <summary>What a client says in hello.</summary>
    internal sealed class HelloRequest
    {
        private const long NoLimit = 1L << 40;
        private static readonly IReadOnlyList<WireValue> OnlyThis = new[] { WireValue.Of(EnvironmentHost.ProtocolVersion) };
        private readonly List<long> protocols = new List<long>();

        private HelloRequest(string client, string? token, long maxFrameBytes, long seed)
        {
            Client = client;
            Token = token;
            MaxFrameBytes = maxFrameBytes;
            Seed = seed;
        }

        public string Client { get; }

        public string? Token { get; }

        public long MaxFrameBytes { get; }

        /// <summary>Where environments draw from when a reset brings no seed.</summary>
        public long Seed { get; }

        public bool Speaks(int version) => protocols.Contains(version);

        public static HelloRequest Parse(WireValue header)
        {
            var limits = Fields.Optional(header, "limits");
            var largest = limits == null ? null : Fields.Optional(Fields.Map(limits, "limits"), "max_frame_bytes");
            var token = Fields.Optional(header, "token");
            var seed = Fields.Optional(header, "seed");
            var hello = new HelloRequest(
                Fields.Text(header.Get("client"), "client"),
                token == null ? null : Fields.Text(token, "token"),
                largest == null ? NoLimit : Fields.Integer(largest, "limits.max_frame_bytes", 1024, NoLimit),
                seed == null ? 0 : Fields.Seed(seed, "seed"));
            var versions = Fields.Optional(header, "protocols");
            var speaks = versions == null ? OnlyThis : Fields.Array(versions, "protocols");
            foreach (var version in speaks)
            {
                hello.protocols.Add(Fields.Integer(version, Fields.Entry("protocols", hello.protocols.Count), 0, 65535));
            }
            CheckUnused(header);
            return hello;
        }

        // What this server does not look at must be right too: a client hears of its mistake from every server.
        private static void CheckUnused(WireValue header)
        {
            if (Fields.Optional(header, "package") is WireValue package)
            {
                Fields.Text(package, "package");
            }
            if (Fields.Optional(header, "capabilities") is WireValue given)
            {
                var capabilities = Fields.Array(given, "capabilities");
                for (var i = 0; i < capabilities.Count; i++)
                {
                    Fields.Text(capabilities[i], Fields.Entry("capabilities", i));
                }
            }
            if (Fields.Optional(header, "image_size") is WireValue size)
            {
                Fields.Integer(size, "image_size", 1, 65535);
            }
        }
    }

    internal enum OpKind
    {
        Reset,
        Step,
        Noop,
    }

    internal readonly struct Op
    {
        public readonly int Env;
        public readonly OpKind Kind;
        public readonly long? Seed;
        public readonly WireValue Options;

        public Op(int env, OpKind kind, long? seed, WireValue options)
        {
            Env = env;
            Kind = kind;
            Seed = seed;
            Options = options;
        }
    }

    /// <summary>A batch, with everything checked that concerns the whole message.</summary>
    internal sealed class BatchRequest
    {
        /// <summary>The longest byte array that .NET makes, whatever a client takes.</summary>
        private const long LargestArray = 0x7fffffc7;

        private BatchRequest(Op[] ops, TensorSpec[] want, byte[] actions)
        {
            Ops = ops;
            Want = want;
            Actions = actions;
        }

        public Op[] Ops { get; }

        /// <summary>Observations asked for, in that order.</summary>
        public TensorSpec[] Want { get; }

        /// <summary>A row for each step, in the order of the operations.</summary>
        public byte[] Actions { get; }

        public static BatchRequest Parse(WireValue header, IReadOnlyList<byte[]> frames, EnvironmentDefinition definition, int envCount, long maxFrameBytes)
        {
            var given = Fields.Array(header.Get("ops"), "ops");
            if (given.Count > envCount)
            {
                throw ProtocolException.BadMessage($"ops has {given.Count} entries for {envCount} environments", "ops");
            }
            var ops = new Op[given.Count];
            var seen = new bool[envCount];
            var steps = 0;
            for (var i = 0; i < ops.Length; i++)
            {
                ops[i] = ParseOp(given[i], Fields.Entry("ops", i), envCount);
                if (seen[ops[i].Env])
                {
                    throw ProtocolException.BadMessage($"ops[{i}] names environment {ops[i].Env} a second time", $"ops[{i}].env");
                }
                seen[ops[i].Env] = true;
                steps += ops[i].Kind == OpKind.Step ? 1 : 0;
            }
            // In the order of the trainer's own server: of several mistakes a client hears of the same one.
            var uids = ParseWant(header);
            var actions = ParseActions(header, frames, definition.Action, steps);
            var want = new TensorSpec[uids.Length];
            for (var i = 0; i < want.Length; i++)
            {
                want[i] = Observation(definition, uids[i]);
                Refuse(want[i], ops.Length, definition, maxFrameBytes);
            }
            return new BatchRequest(ops, want, actions);
        }

        private static Op ParseOp(WireValue value, string path, int envCount)
        {
            var op = Fields.Map(value, path);
            var env = (int)Fields.Integer(op.Get("env"), path + ".env", 0, envCount - 1);
            var kind = op.Get("op");
            switch (kind == null ? "" : kind.Text)
            {
                case "step":
                    return new Op(env, OpKind.Step, null, WireValue.EmptyMap);
                case "noop":
                    return new Op(env, OpKind.Noop, null, WireValue.EmptyMap);
                case "reset":
                    var seed = Fields.Optional(op, "seed");
                    var options = Fields.Optional(op, "options");
                    return new Op(
                        env,
                        OpKind.Reset,
                        seed == null ? (long?)null : Fields.Seed(seed, path + ".seed"),
                        options == null ? WireValue.EmptyMap : Fields.Map(options, path + ".options"));
                default:
                    throw Fields.Wrong(path + ".op", "\"reset\", \"step\" or \"noop\"", kind);
            }
        }

        private static string[] ParseWant(WireValue header)
        {
            var value = Fields.Optional(header, "want");
            if (value == null)
            {
                return Array.Empty<string>();
            }
            var given = Fields.Array(value, "want");
            var want = new string[given.Count];
            var seen = want.Length > 1 ? new HashSet<string>() : null;
            for (var i = 0; i < want.Length; i++)
            {
                want[i] = Fields.Text(given[i], Fields.Entry("want", i));
                if (seen != null && !seen.Add(want[i]))
                {
                    throw ProtocolException.BadMessage($"want names \"{Fields.Start(want[i], 58)}\" twice", $"want[{i}]");
                }
            }
            return want;
        }

        private static TensorSpec Observation(EnvironmentDefinition definition, string uid)
        {
            var known = new List<string>();
            foreach (var spec in definition.Observations)
            {
                if (spec.Uid == uid)
                {
                    return spec;
                }
                known.Add(spec.Uid);
            }
            throw ProtocolException.BadMessage($"want: there is no observation \"{Fields.Start(uid, 58)}\"; known: {string.Join(", ", known)}", "want");
        }

        private static void Refuse(TensorSpec spec, int rows, EnvironmentDefinition definition, long maxFrameBytes)
        {
            if (spec.Graphics && definition.Graphics == null)
            {
                throw new ProtocolException(
                    ErrorCodes.NoGraphics,
                    $"\"{spec.Uid}\" needs a renderer, and this server has none",
                    Details.Of("uid", WireValue.Of(spec.Uid)));
            }
            var bytes = (long)spec.Bytes * rows;
            var limit = Math.Min(maxFrameBytes, LargestArray);
            if (bytes > limit)
            {
                throw EnvironmentHost.TooLarge($"observation \"{spec.Uid}\" of {rows} environments", bytes, limit);
            }
        }

        private static byte[] ParseActions(WireValue header, IReadOnlyList<byte[]> frames, TensorSpec action, int steps)
        {
            var tensors = Fields.Optional(header, "tensors");
            TensorHeader? found = null;
            if (tensors != null)
            {
                var entries = Fields.Array(tensors, "tensors");
                var uids = entries.Count > 1 ? new HashSet<string>() : null;
                for (var i = 0; i < entries.Count; i++)
                {
                    var tensor = TensorHeader.Parse(entries[i], Fields.Entry("tensors", i), frames);
                    if (uids != null && !uids.Add(tensor.Uid))
                    {
                        throw ProtocolException.BadMessage($"tensors names \"{Fields.Start(tensor.Uid, 58)}\" twice", Fields.Entry("tensors", i) + ".uid");
                    }
                    if (tensor.Uid == action.Uid)
                    {
                        found = tensor;
                    }
                }
            }
            if (found.HasValue)
            {
                return CheckActions(found.Value, action, steps);
            }
            return steps == 0
                ? Array.Empty<byte>()
                : throw ProtocolException.BadMessage($"{steps} steps, but no tensor \"{action.Uid}\" in tensors", "tensors");
        }

        private static byte[] CheckActions(TensorHeader tensor, TensorSpec action, int steps)
        {
            var right = tensor.DType == action.DType && tensor.Shape.Length == action.Shape.Count + 1 && tensor.Shape[0] == steps;
            for (var i = 0; right && i < action.Shape.Count; i++)
            {
                right = tensor.Shape[i + 1] == action.Shape[i];
            }
            if (right)
            {
                return tensor.Bytes;
            }
            var expected = new List<WireValue> { WireValue.Of(steps) };
            foreach (var size in action.Shape)
            {
                expected.Add(WireValue.Of(size));
            }
            var dtype = TensorSpec.NameOf(action.DType);
            throw new ProtocolException(
                ErrorCodes.BadAction,
                $"{action.Uid} must be {dtype} [{steps},{string.Join(",", action.Shape)}] (a row for each step); it is "
                    + $"{TensorSpec.NameOf(tensor.DType)} [{string.Join(",", tensor.Shape)}]",
                WireValue.OfMap(
                    new[] { "uid", "dtype", "shape" },
                    new[] { WireValue.Of(action.Uid), WireValue.Of(dtype), WireValue.OfArray(expected.ToArray()) }));
        }
    }

    /// <summary>An entry of `tensors`, checked against the frame that it points at.</summary>
    internal readonly struct TensorHeader
    {
        public readonly string Uid;
        public readonly DType DType;
        public readonly long[] Shape;
        public readonly byte[] Bytes;

        private TensorHeader(string uid, DType dtype, long[] shape, byte[] bytes)
        {
            Uid = uid;
            DType = dtype;
            Shape = shape;
            Bytes = bytes;
        }

        public static TensorHeader Parse(WireValue value, string path, IReadOnlyList<byte[]> frames)
        {
            var entry = Fields.Map(value, path);
            var uid = Fields.Text(entry.Get("uid"), path + ".uid");
            var dtype = ParseDType(entry.Get("dtype"), path + ".dtype");
            var sizes = Fields.Array(entry.Get("shape"), path + ".shape");
            var shape = new long[sizes.Count];
            double bytes = TensorSpec.SizeOf(dtype);
            for (var i = 0; i < shape.Length; i++)
            {
                shape[i] = Fields.Integer(sizes[i], path + ".shape", 0, int.MaxValue);
                bytes *= shape[i];
            }
            var frame = entry.Get("frame");
            if (frame == null || !frame.IsInteger(out var index) || index < 0 || index >= frames.Count - 1)
            {
                throw ProtocolException.BadMessage($"{path}.frame must name one of the {frames.Count - 1} payload frames", path + ".frame");
            }
            var payload = frames[(int)index + 1];
            if (payload.Length != bytes)
            {
                throw ProtocolException.BadMessage(
                    $"{path}: {uid} {TensorSpec.NameOf(dtype)} [{string.Join(",", shape)}] takes {bytes} bytes; frame {index} has {payload.Length}",
                    path);
            }
            return new TensorHeader(uid, dtype, shape, payload);
        }

        private static DType ParseDType(WireValue? value, string path)
        {
            foreach (DType dtype in Enum.GetValues(typeof(DType)))
            {
                if (value != null && value.Kind == WireValue.Kinds.String && value.Text == TensorSpec.NameOf(dtype))
                {
                    return dtype;
                }
            }
            throw Fields.Wrong(path, "\"float32\", \"float64\", \"int32\" or \"uint8\"", value);
        }
    }

    /// <summary>The parameters of `configure`, checked against what the server defined.</summary>
    internal static class ParameterRequest
    {
        public static WireValue Parse(WireValue header, IReadOnlyList<ParameterSpec> specs)
        {
            var given = Fields.Map(header.Get("parameters"), "parameters");
            for (var i = 0; i < given.Keys.Count; i++)
            {
                Check(given.Keys[i], given.Items[i], specs);
            }
            return given;
        }

        private static void Check(string name, WireValue value, IReadOnlyList<ParameterSpec> specs)
        {
            var path = "parameters." + name;
            var known = new List<string>();
            foreach (var spec in specs)
            {
                if (spec.Name == name)
                {
                    CheckValue(path, value, spec);
                    return;
                }
                known.Add(spec.Name);
            }
            throw ProtocolException.BadMessage($"{path}: there is no such parameter; known: {(known.Count == 0 ? "none" : string.Join(", ", known))}", path);
        }

        private static void CheckValue(string path, WireValue value, ParameterSpec spec)
        {
            var low = spec.Low ?? double.NegativeInfinity;
            var high = spec.High ?? double.PositiveInfinity;
            var inRange = value.Kind == WireValue.Kinds.Number && value.Number >= low && value.Number <= high;
            switch (spec.Type)
            {
                case "bool" when value.Kind != WireValue.Kinds.Boolean:
                    throw Fields.Wrong(path, "true or false", value);
                case "string" when value.Kind != WireValue.Kinds.String:
                    throw Fields.Wrong(path, "a string", value);
                case "int" when !inRange || !value.IsInteger(out _):
                    throw Fields.Wrong(path, $"an integer from {low} to {high}", value);
                case "float" when !inRange:
                    throw Fields.Wrong(path, $"a number from {low} to {high}", value);
            }
        }
    }
}
