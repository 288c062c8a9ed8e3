#nullable enable
using System;
using Rls3.Gym.Core;
using Rls3.Gym.Engine;
using UnityEngine;

/// <summary>
/// The smallest environment of your own: a pointer on a line that has to reach the target. Add this component to a game
/// object instead of Gym Server, press Play, and check it: rls3 env check tcp://127.0.0.1:5005
/// </summary>
public sealed class PointerEnvironment : GymServerBehaviour
{
    [SerializeField]
    private Transform? pointer;

    protected override EnvironmentDefinition CreateDefinition()
    {
        var action = new TensorSpec("move", DType.Float32, new[] { 1 }, new[] { -1.0 }, new[] { 1.0 }, new[] { "how far" });
        var position = new TensorSpec("position", DType.Float32, new[] { 2 }, new[] { -10.0 }, new[] { 10.0 }, new[] { "pointer", "target" });
        return new EnvironmentDefinition("pointer", action, new[] { position }, env => new Line(env, pointer)) { ClaimsStateHash = true };
    }

    private sealed class Line : IEnvironment
    {
        private const float Reach = 0.5f;
        private const int LongestEpisode = 100;
        private readonly Transform? shown;
        private Xoshiro128 random;
        private float at;
        private float target;
        private int steps;

        public Line(int env, Transform? shown)
        {
            random = new Xoshiro128(env);
            this.shown = shown;
        }

        public ulong StateHash => StateHashOf(BitConverter.SingleToInt32Bits(at), BitConverter.SingleToInt32Bits(target));

        public void Reset(long? seed, WireValue options)
        {
            random = seed.HasValue ? new Xoshiro128(seed.Value) : random;
            at = 0f;
            target = random.Below(21) - 10;
            steps = 0;
            Show();
        }

        public StepOutcome Step(TensorSpan action)
        {
            at = Mathf.Clamp(at + action.Float32[0], -10f, 10f);
            steps++;
            Show();
            var reached = Mathf.Abs(at - target) < Reach;
            return new StepOutcome(reached ? 1 : 0, reached, !reached && steps == LongestEpisode);
        }

        public void Observe(string uid, TensorSpan output)
        {
            output.Float32[0] = at;
            output.Float32[1] = target;
        }

        public void WriteInfo(IWireWriter writer)
        {
            writer.BeginMap();
            writer.Key("distance");
            writer.Value(Mathf.Abs(at - target));
            writer.EndMap();
        }

        public void Configure(string name, WireValue value)
        {
            // The definition names no parameters.
        }

        public void Dispose()
        {
            // Nothing is held.
        }

        private void Show()
        {
            if (shown != null)
            {
                shown.localPosition = new Vector3(at, 0f, 0f);
            }
        }

        private static ulong StateHashOf(int a, int b) => Rls3.Gym.Core.StateHash.Compute(0, new[] { a, b });
    }
}
