using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Running;
using Rls3.Gym.Core;
using Rls3.Gym.Protocol;

BenchmarkRunner.Run<RoomBenchmarks>();

/// <summary>What a step costs without a socket, and that it allocates nothing (column Allocated).</summary>
[MemoryDiagnoser]
public class RoomBenchmarks
{
    private readonly MessagePackWriter writer = new(1024);
    private IEnvironment environment = null!;
    private byte[][] actions = [];
    private byte[] state = [];
    private int next;

    [GlobalSetup]
    public void Setup()
    {
        var definition = RoomsEnvironment.Define(CatalogReader.Load(Path.Combine(AppContext.BaseDirectory, "rooms.json")), [], _ => null);
        environment = definition.Create(0);
        environment.Reset(1, WireValue.EmptyMap);
        state = new byte[definition.Observations[0].Bytes];
        var random = new Random(1);
        actions = [.. Enumerable.Range(0, 1024).Select(_ =>
            MemoryMarshal.AsBytes<float>(Enumerable.Range(0, 6).Select(_ => (float)((2 * random.NextDouble()) - 1)).ToArray()).ToArray())];
    }

    [Benchmark]
    public ulong Step()
    {
        environment.Step(new TensorSpan(actions[next++ & 1023]));
        return environment.StateHash;
    }

    [Benchmark]
    public int StepObservedAndTold()
    {
        environment.Step(new TensorSpan(actions[next++ & 1023]));
        environment.Observe("state", new TensorSpan(state));
        writer.Clear();
        environment.WriteInfo(writer);
        return writer.Length;
    }

    [Benchmark]
    public void Reset() => environment.Reset(next++, WireValue.EmptyMap);
}
