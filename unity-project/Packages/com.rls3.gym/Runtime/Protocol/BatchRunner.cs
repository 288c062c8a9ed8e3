#nullable enable
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.ExceptionServices;
using Rls3.Gym.Core;

namespace Rls3.Gym.Protocol
{
    /// <summary>Runs batches on the environments, on their thread, and writes the results.</summary>
    internal sealed class BatchRunner : IDisposable
    {
        private enum State
        {
            New,
            Running,
            Over,
        }

        // One environment with what the protocol knows of its episode.
        private sealed class Slot
        {
            public IEnvironment? Environment;

            // It has this session's parameters.
            public bool Configured;

            // It had a reset in this session: only then is there something to draw on from without a seed.
            public bool Seeded;
            public State State;
            public int Episode;
            public int Step;
        }

        /// <summary>Bytes of a result without info and error, at most; of the rest of an answer's header for each tensor, as a rule.</summary>
        private const long ResultBytes = 128;
        private const long AnswerBytes = 256;

        /// <summary>Up to this many operations, the number of values can't be too large.</summary>
        private const int AnyLength = 5000;

        /// <summary>Values of an answer's header beside results and tensors, and of a tensor's entry beside the elements of its shape.</summary>
        private const int AnswerValues = 13;
        private const int TensorValues = 9;

        private readonly EnvironmentDefinition definition;
        private readonly Slot[] slots;

        // The session's, by name: what configure has set, else defaults.
        private readonly Dictionary<string, WireValue> parameters = new Dictionary<string, WireValue>();
        private long firstSeed;
        private readonly MessagePackWriter writer = new MessagePackWriter(4096);

        public BatchRunner(EnvironmentDefinition definition, int envCount)
        {
            this.definition = definition;
            slots = new Slot[envCount];
            for (var i = 0; i < envCount; i++)
            {
                slots[i] = new Slot();
            }
        }

        /// <summary>
        /// A new session: its environments have not been reset yet, their parameters are at their defaults. The environments themselves are not touched
        /// before they are used: hello waits for no other thread.
        /// </summary>
        /// <param name="seed">Hello's: the first reset of environment i that brings no seed has this one + i.</param>
        public void Begin(long seed)
        {
            firstSeed = seed;
            foreach (var parameter in definition.Parameters)
            {
                parameters[parameter.Name] = parameter.Default;
            }
            foreach (var slot in slots)
            {
                slot.State = State.New;
                slot.Configured = false;
                slot.Seeded = false;
                slot.Episode = 0;
                slot.Step = 0;
            }
        }

        public void Configure(WireValue given)
        {
            for (var i = 0; i < given.Keys.Count; i++)
            {
                parameters[given.Keys[i]] = given.Items[i];
                foreach (var slot in slots)
                {
                    // The others get all of them when they are next used.
                    if (slot.Configured)
                    {
                        slot.Environment?.Configure(given.Keys[i], given.Items[i]);
                    }
                }
            }
        }

        /// <summary>Ends all environments, also where one throws; then throws the first error. A second call does nothing.</summary>
        public void Dispose()
        {
            ExceptionDispatchInfo? first = null;
            foreach (var slot in slots)
            {
                var ending = slot.Environment;
                slot.Environment = null;
                try
                {
                    ending?.Dispose();
                }
                catch (Exception error)
                {
                    first ??= ExceptionDispatchInfo.Capture(error);
                }
            }
            first?.Throw();
        }

        // Made when first needed, on the environments' own thread: the handshake does not wait for a scene.
        private IEnvironment EnvironmentOf(int env)
        {
            var slot = slots[env];
            var environment = slot.Environment ?? (slot.Environment = definition.Create(env));
            if (!slot.Configured)
            {
                slot.Configured = true;
                foreach (var parameter in parameters)
                {
                    environment.Configure(parameter.Key, parameter.Value);
                }
            }
            return environment;
        }

        // Modulo 2^53. After its first reset an environment continues its random numbers; one in place of a crashed one has none yet.
        private long? SeedOf(in Op op, Slot slot) =>
            op.Seed ?? (slot.Seeded ? (long?)null : (firstSeed + op.Env + (long)slot.Episode * slots.Length) & Fields.LargestInteger);

        public byte[][] Run(BatchRequest request, string sid, long req)
        {
            var frames = new byte[1 + request.Want.Length][];
            for (var i = 0; i < request.Want.Length; i++)
            {
                frames[i + 1] = new byte[request.Want[i].Bytes * request.Ops.Length];
            }
            var outcomes = Operate(request);
            Prepare(request, outcomes);
            writer.Clear();
            Replies.Begin(writer, "batch_result", sid, req);
            writer.Key("results");
            writer.BeginArray();
            for (var i = 0; i < request.Ops.Length; i++)
            {
                WriteRow(request, i, outcomes[i], frames);
            }
            writer.EndArray();
            WriteTensors(request);
            frames[0] = Replies.Ended(writer);
            return frames;
        }

        /// <summary>Refuses a batch whose answer is too large already without infos and errors; nothing has been executed.</summary>
        /// <param name="request">The batch.</param>
        /// <param name="sid">The session's.</param>
        /// <param name="req">The request's number.</param>
        /// <param name="limit">The largest frame that the client takes, in bytes.</param>
        /// <exception cref="ProtocolException">TOO_LARGE.</exception>
        public void CheckLength(BatchRequest request, string sid, long req, long limit)
        {
            var count = request.Ops.Length;
            if (count <= AnyLength && (count * ResultBytes) + ((1 + request.Want.Length) * AnswerBytes) <= limit)
            {
                return;
            }
            var (bytes, values) = LeastAnswer(request, sid, req);
            if (values > DecoderLimits.Values)
            {
                throw new ProtocolException(
                    ErrorCodes.TooLarge,
                    $"the answer to {count} operations has {values} values or more; a header may have {DecoderLimits.Values}; divide the batch",
                    WireValue.OfMap(new[] { "bytes", "limit", "values" }, new[] { WireValue.Of(bytes), WireValue.Of(limit), WireValue.Of(values) }));
            }
            if (bytes > limit)
            {
                throw EnvironmentHost.TooLarge($"the header of the answer to {count} operations", bytes, limit);
            }
        }

        // The answer with the fewest bytes and values: no reward, no info, no error.
        private (int Bytes, int Values) LeastAnswer(BatchRequest request, string sid, long req)
        {
            writer.Clear();
            Replies.Begin(writer, "batch_result", sid, req);
            writer.Key("results");
            writer.BeginArray();
            foreach (var op in request.Ops)
            {
                var slot = slots[op.Env];
                var isReset = op.Kind == OpKind.Reset;
                BeginRow(op.Env, default, slot.Episode + (isReset ? 1 : 0), isReset ? 0 : slot.Step + (op.Kind == OpKind.Step ? 1 : 0));
                writer.BeginMap();
                writer.EndMap();
                if (definition.ClaimsStateHash)
                {
                    writer.Key("state_hash");
                    writer.HexDigits(0);
                }
                writer.EndMap();
            }
            writer.EndArray();
            WriteTensors(request);
            writer.EndMap();
            var values = AnswerValues + (request.Ops.Length * (definition.ClaimsStateHash ? 17 : 15));
            foreach (var spec in request.Want)
            {
                values += TensorValues + 1 + spec.Shape.Count;
            }
            return (writer.Length, values);
        }

        // The outcome of an operation, or its error.
        private readonly struct Outcome
        {
            public readonly StepOutcome Step;
            public readonly ProtocolException? Error;

            public Outcome(StepOutcome step, ProtocolException? error)
            {
                Step = step;
                Error = error;
            }
        }

        private Outcome[] Operate(BatchRequest request)
        {
            var outcomes = new Outcome[request.Ops.Length];
            var row = 0;
            for (var i = 0; i < outcomes.Length; i++)
            {
                var op = request.Ops[i];
                try
                {
                    outcomes[i] = new Outcome(Apply(request, op, slots[op.Env], row), null);
                }
                catch (Exception error)
                {
                    outcomes[i] = new Outcome(default, Known(op.Env, error));
                }
                row += op.Kind == OpKind.Step ? 1 : 0;
            }
            return outcomes;
        }

        // All have moved and none is observed yet, so a renderer takes the pictures of all together.
        private void Prepare(BatchRequest request, Outcome[] outcomes)
        {
            if (definition.BeforeObserving == null || request.Want.Length == 0)
            {
                return;
            }
            var envs = new List<int>(outcomes.Length);
            for (var i = 0; i < outcomes.Length; i++)
            {
                if (outcomes[i].Error == null)
                {
                    envs.Add(request.Ops[i].Env);
                }
            }
            definition.BeforeObserving(envs, request.Want);
        }

        private void WriteRow(BatchRequest request, int index, in Outcome outcome, byte[][] frames)
        {
            var op = request.Ops[index];
            var slot = slots[op.Env];
            var error = outcome.Error;
            var before = writer.Here();
            try
            {
                for (var i = 0; error == null && i < request.Want.Length; i++)
                {
                    var spec = request.Want[i];
                    EnvironmentOf(op.Env).Observe(spec.Uid, new TensorSpan(frames[i + 1].AsSpan(index * spec.Bytes, spec.Bytes)));
                }
                if (error == null)
                {
                    WriteResult(op, slot, outcome.Step);
                    return;
                }
            }
            catch (Exception thrown)
            {
                error = Known(op.Env, thrown);
            }
            before.Rewind();
            for (var i = 0; i < request.Want.Length; i++)
            {
                frames[i + 1].AsSpan(index * request.Want[i].Bytes, request.Want[i].Bytes).Clear();
            }
            WriteFailure(op.Env, slot, error!);
        }

        private ProtocolException Known(int env, Exception error) => error as ProtocolException ?? Crash(env, slots[env], error);

        private StepOutcome Apply(BatchRequest request, in Op op, Slot slot, int row)
        {
            switch (op.Kind)
            {
                case OpKind.Reset:
                    var environment = EnvironmentOf(op.Env);
                    if (environment is IResetOptions known && known.OptionsProblem(op.Options) is string problem)
                    {
                        throw ProtocolException.BadMessage(problem, "options");
                    }
                    slot.State = State.New;
                    environment.Reset(SeedOf(op, slot), op.Options);
                    slot.State = State.Running;
                    slot.Seeded = true;
                    slot.Episode++;
                    slot.Step = 0;
                    return default;
                case OpKind.Step:
                    if (slot.State != State.Running)
                    {
                        throw NotReset(op.Env, slot);
                    }
                    var action = new TensorSpan(request.Actions.AsSpan(row * definition.Action.Bytes, definition.Action.Bytes));
                    ActionCheck.Require(definition.Action, action);
                    var outcome = EnvironmentOf(op.Env).Step(action);
                    if (double.IsNaN(outcome.Reward) || double.IsInfinity(outcome.Reward))
                    {
                        // A client would refuse the answer to the whole batch.
                        throw new NotFiniteNumberException($"its reward is {outcome.Reward.ToString(CultureInfo.InvariantCulture)}", outcome.Reward);
                    }
                    slot.Step++;
                    slot.State = outcome.Terminated || outcome.Truncated ? State.Over : State.Running;
                    return outcome;
                default:
                    return slot.State == State.New ? throw NotReset(op.Env, slot) : default(StepOutcome);
            }
        }

        private void WriteResult(in Op op, Slot slot, StepOutcome outcome)
        {
            BeginRow(op.Env, outcome, slot.Episode, slot.Step);
            if (op.Kind == OpKind.Noop)
            {
                writer.BeginMap();
                writer.EndMap();
            }
            else
            {
                writer.BeginSingle();
                EnvironmentOf(op.Env).WriteInfo(writer);
                writer.EndSingle();
            }
            if (definition.ClaimsStateHash)
            {
                writer.Key("state_hash");
                writer.HexDigits(EnvironmentOf(op.Env).StateHash);
            }
            writer.EndMap();
        }

        private void WriteFailure(int env, Slot slot, ProtocolException error)
        {
            BeginRow(env, default, slot.Episode, slot.Step);
            writer.BeginMap();
            writer.EndMap();
            writer.Key("error");
            writer.BeginMap();
            Replies.WriteBody(writer, error);
            writer.Key("env");
            writer.Value(env);
            writer.EndMap();
            writer.EndMap();
        }

        // Up to the key whose value is the row's info; the rest of the row, and its end, are the caller's.
        private void BeginRow(int env, StepOutcome outcome, int episode, int step)
        {
            writer.BeginMap();
            writer.Key("env");
            writer.Value(env);
            writer.Key("reward");
            writer.Value(outcome.Reward);
            writer.Key("terminated");
            writer.Value(outcome.Terminated);
            writer.Key("truncated");
            writer.Value(outcome.Truncated);
            writer.Key("episode");
            writer.Value(episode);
            writer.Key("step");
            writer.Value(step);
            writer.Key("info");
        }

        private void WriteTensors(BatchRequest request)
        {
            writer.Key("tensors");
            writer.BeginArray();
            for (var i = 0; i < request.Want.Length; i++)
            {
                var spec = request.Want[i];
                writer.BeginMap();
                writer.Key("uid");
                writer.Value(spec.Uid);
                writer.Key("dtype");
                writer.Value(TensorSpec.NameOf(spec.DType));
                writer.Key("shape");
                writer.BeginArray();
                writer.Value(request.Ops.Length);
                foreach (var size in spec.Shape)
                {
                    writer.Value(size);
                }
                writer.EndArray();
                writer.Key("frame");
                writer.Value(i);
                writer.EndMap();
            }
            writer.EndArray();
        }

        // An exception in an environment ends its episode; the others in the batch continue.
        private ProtocolException Crash(int env, Slot slot, Exception error)
        {
            slot.State = State.New;
            var reason = Replies.Cut(error.Message);
            var message = $"environment {env} failed: {reason}; reset it to go on";
            var detail = Details.Of("reason", WireValue.Of(reason));
            try
            {
                slot.Environment?.Dispose();
            }
            catch (Exception second)
            {
                message += $" (closing it failed too: {second.Message})";
            }
            slot.Environment = null;
            slot.Configured = false;
            slot.Seeded = false;
            return new ProtocolException(ErrorCodes.EnvCrash, message, detail);
        }

        private static ProtocolException NotReset(int env, Slot slot)
        {
            var why = slot.State == State.Over ? "its episode is over (autoreset is off)" : "it has not been reset yet";
            return new ProtocolException(ErrorCodes.NotReset, $"environment {env}: {why}; reset it first");
        }
    }
}
