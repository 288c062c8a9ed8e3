using Rls3.Gym.Core;

namespace Rls3.Gym.Tests;

/// <summary>Somebody's own environment: what a test gives it happens in its calls.</summary>
/// <param name="env">Its number.</param>
/// <param name="happens">Called with its number and where it is: reset, step, observe, info, configure, dispose.</param>
/// <param name="info">What it reports after each operation.</param>
/// <param name="reward">Of its steps.</param>
internal sealed class Scripted(int env, Action<int, string> happens, Action<IWireWriter> info, double reward) : IEnvironment
{
    public ulong StateHash => 0;

    public static EnvironmentDefinition Define(Action<int, string> happens) => Define(happens, WireValue.EmptyMap.WriteTo);

    /// <summary>Environments whose steps have these rewards, by their numbers.</summary>
    public static EnvironmentDefinition Paying(params double[] rewards) => Define((_, _) => { }, WireValue.EmptyMap.WriteTo, rewards);

    public static EnvironmentDefinition Define(Action<int, string> happens, Action<IWireWriter> info) => Define(happens, info, []);

    private static EnvironmentDefinition Define(Action<int, string> happens, Action<IWireWriter> info, double[] rewards) => new(
        "scripted",
        new TensorSpec("action", DType.Float32, [1]),
        [new TensorSpec("seen", DType.UInt8, [1])],
        env =>
        {
            happens(env, "create");
            return new Scripted(env, happens, info, rewards.ElementAtOrDefault(env));
        })
    {
        Parameters = [ParameterSpec.Int("pace", 1, 9, 1, "steps at once")],
    };

    public void Reset(long? seed, WireValue options) => happens(env, "reset");

    public StepOutcome Step(TensorSpan action)
    {
        happens(env, "step");
        return new StepOutcome(reward, false, false);
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
