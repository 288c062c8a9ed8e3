#nullable enable
using System;
using System.Collections.Generic;

namespace Rls3.Gym.Core
{
    /// <summary>The outcome of a step, without observations and info.</summary>
    public readonly struct StepOutcome
    {
        /// <summary>Finite; any other ends the episode (ENV_CRASH).</summary>
        public readonly double Reward;
        public readonly bool Terminated;
        public readonly bool Truncated;

        public StepOutcome(double reward, bool terminated, bool truncated)
        {
            Reward = reward;
            Terminated = terminated;
            Truncated = truncated;
        }
    }

    /// <summary>
    /// One environment. It is called from one thread (Unity's main thread in a player), and never stepped before a reset.
    /// An exception of any type, a cancellation too, ends its episode (ENV_CRASH), and nothing else.
    /// </summary>
    public interface IEnvironment : IDisposable
    {
        /// <summary>Starts an episode. The same seed gives the same episode on every server; without a seed the environment continues its random numbers.</summary>
        void Reset(long? seed, WireValue options);

        /// <param name="action">The elements of the action spec, already checked against its dtype, shape and bounds.</param>
        StepOutcome Step(TensorSpan action);

        /// <summary>Writes one observation; <paramref name="output"/> has exactly the bytes of its spec.</summary>
        void Observe(string uid, TensorSpan output);

        /// <summary>
        /// Writes one map, from BeginMap to EndMap: the info of the last reset or step. One that no decoder may read (a string of more
        /// than 65,536 bytes, deeper than 16 maps and arrays in all) makes the answer to the whole batch an error.
        /// </summary>
        void WriteInfo(IWireWriter writer);

        /// <summary>Hash of the whole state; called only if the definition claims state hashes.</summary>
        ulong StateHash { get; }

        /// <summary>A named parameter changed, already checked against its definition.</summary>
        void Configure(string name, WireValue value);
    }

    /// <summary>For an <see cref="IEnvironment"/> that takes options on reset: they are checked before anything changes.</summary>
    public interface IResetOptions
    {
        /// <summary>What is wrong with the options, as a sentence; null if nothing is. The reset is then BAD_MESSAGE, and the episode continues.</summary>
        string? OptionsProblem(WireValue options);
    }

    /// <summary>A named parameter of the side channel `configure`.</summary>
    public sealed class ParameterSpec
    {
        private ParameterSpec(string name, string type, double? low, double? high, WireValue standard, string description)
        {
            Name = name;
            Type = type;
            Low = low;
            High = high;
            Default = standard;
            Description = description;
        }

        public string Name { get; }

        /// <summary>"int", "float", "string" or "bool".</summary>
        public string Type { get; }

        public double? Low { get; }

        public double? High { get; }

        public WireValue Default { get; }

        public string Description { get; }

        public static ParameterSpec Float(string name, double low, double high, double standard, string description) =>
            new ParameterSpec(name, "float", low, high, WireValue.Of(standard), description);

        public static ParameterSpec Int(string name, double low, double high, double standard, string description) =>
            new ParameterSpec(name, "int", low, high, WireValue.Of(standard), description);

        public static ParameterSpec Bool(string name, bool standard, string description) =>
            new ParameterSpec(name, "bool", null, null, WireValue.Of(standard), description);

        public static ParameterSpec Text(string name, string standard, string description) =>
            new ParameterSpec(name, "string", null, null, WireValue.Of(standard), description);

        public void WriteTo(IWireWriter writer)
        {
            writer.BeginMap();
            writer.Key("name");
            writer.Value(Name);
            writer.Key("type");
            writer.Value(Type);
            if (Low.HasValue)
            {
                writer.Key("low");
                writer.Value(Low.Value);
            }
            if (High.HasValue)
            {
                writer.Key("high");
                writer.Value(High.Value);
            }
            writer.Key("default");
            Default.WriteTo(writer);
            writer.Key("description");
            writer.Value(Description);
            writer.EndMap();
        }
    }

    /// <summary>What a server serves: the specs that `welcome` announces, and a factory.</summary>
    public sealed class EnvironmentDefinition
    {
        public EnvironmentDefinition(string name, TensorSpec action, IReadOnlyList<TensorSpec> observations, Func<int, IEnvironment> create)
        {
            Name = name;
            Action = action;
            Observations = observations;
            Create = create;
            Parameters = Array.Empty<ParameterSpec>();
            Catalog = WireValue.Nil;
        }

        public string Name { get; }

        public TensorSpec Action { get; }

        public IReadOnlyList<TensorSpec> Observations { get; }

        public Func<int, IEnvironment> Create { get; }

        public IReadOnlyList<ParameterSpec> Parameters { get; set; }

        /// <summary>Name of the graphics device, or null if there are no images.</summary>
        public string? Graphics { get; set; }

        /// <summary>The environment's own description of its world; nil if it has none.</summary>
        public WireValue Catalog { get; set; }

        public bool ClaimsStateHash { get; set; }

        /// <summary>
        /// Whether there can be no second environment, because all that the factory makes share one body or one physics simulation:
        /// none is then made to be stepped by hand beside the client's.
        /// </summary>
        public bool SingleEnvironment { get; set; }

        /// <summary>Called once for each batch, after its operations and before its observations, with its environments and the wanted observations.</summary>
        public Action<IReadOnlyList<int>, IReadOnlyList<TensorSpec>>? BeforeObserving { get; set; }

        /// <summary>Simulated seconds of a step; null if a step has no duration.</summary>
        public double? TimeStep { get; set; }
    }
}
