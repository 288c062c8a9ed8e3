using Rls3.Gym.Core;

namespace Rls3.Gym.Tests;

/// <summary>Somebody's own environment: what a test gives it happens in its calls.</summary>
/// <param name="env">Its number.</param>
/// <param name="happens">Called with its number and where it is: reset, step, observe, info, configure, dispose.</param>
/// <param name="info">What it reports after each operation.</param>
internal sealed class Scripted(int env, Action<int, string> happens, Action<IWireWriter> info) : IEnvironment
{
    public ulong StateHash => 0;

    public static EnvironmentDefinition Define(Action<int, string> happens) => Define(happens, WireValue.EmptyMap.WriteTo);

    public static EnvironmentDefinition Define(Action<int, string> happens, Action<IWireWriter> info) => new(
        "scripted",
        new TensorSpec("action", DType.Float32, [1]),
        [new TensorSpec("seen", DType.UInt8, [1])],
        env =>
        {
            happens(env, "create");
            return new Scripted(env, happens, info);
        })
    {
        Parameters = [ParameterSpec.Int("pace", 1, 9, 1, "steps at once")],
    };

    public void Reset(long? seed, WireValue options) => happens(env, "reset");

    public StepOutcome Step(TensorSpan action)
    {
        happens(env, "step");
        return default;
    }

    public void Observe(string uid, TensorSpan output) => happens(env, "observe");

    public void WriteInfo(IWireWriter writer)
    {
        happens(env, "info");
        info(writer);
    }

    public void Configure(string name, WireValue value) => happens(env, "configure");

    public void Dispose() => happens(env, "dispose");
}
