using FsCheck.Xunit;
using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using Xunit;

namespace Rls3.Gym.Tests;

public class RoomWorldTests
{
    private static readonly Catalog Rooms = Repository.Catalog("rooms");

    [Property]
    public bool Boxes_overlap_in_either_order_and_never_once_moved_apart(int x, int z, byte yawA, byte yawB)
    {
        var a = PlacementRules.BoxOf(Rooms, 0, 0, 0, 0, 0);
        var turnedA = Turned(0, 0, yawA);
        var turnedB = Turned(x % 600, z % 600, yawB);
        var far = Turned(5000, z % 600, yawB);
        return UprightBox.Overlap(turnedA, turnedB) == UprightBox.Overlap(turnedB, turnedA)
            && !UprightBox.Overlap(turnedA, far)
            && UprightBox.Overlap(a, a);
    }

    private static UprightBox Turned(int x, int z, byte yaw) =>
        new(2 * x, 0, 2 * z, 425, 325, 250, YawTable.Cosine(yaw % 24, 24), YawTable.Sine(yaw % 24, 24));

    [Property(MaxTest = 200)]
    public void An_invalid_step_changes_nothing_and_a_valid_one_keeps_every_rule(uint seed, int actionSeed)
    {
        var world = new RoomWorld(Rooms, 0);
        world.Reset(seed, null);
        var random = new System.Random(actionSeed);
        for (var step = 0; step < 20; step++)
        {
            var before = world.Objects.ToArray();
            var outcome = world.Step(Action(random));
            if (!outcome.Valid)
            {
                Assert.Equal(before, world.Objects.ToArray());
                continue;
            }
            var changed = Enumerable.Range(0, before.Length / 5).Where(slot => !before.AsSpan(slot * 5, 5).SequenceEqual(world.Objects.Slice(slot * 5, 5))).ToArray();
            Assert.Equal([world.LastPlacement.Slot], changed);
            var types = Enumerable.Range(0, 3).Select(slot => world.Objects[slot * 5]).ToArray();
            Assert.Equal(types.Length, types.Distinct().Count());
            for (var slot = 0; slot < 3; slot++)
            {
                for (var other = slot + 1; other < 3; other++)
                {
                    Assert.False(UprightBox.Overlap(PlacementRules.BoxOf(Rooms, world.Objects, slot), PlacementRules.BoxOf(Rooms, world.Objects, other)));
                }
                Assert.False(Visibility.IsHidden(Rooms, world.Seen[slot]));
            }
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_layout_and_the_hash_follows_every_integer()
    {
        var a = new RoomWorld(Rooms, 0);
        var b = new RoomWorld(Rooms, 7);
        a.Reset(42, null);
        b.Reset(42, null);
        Assert.Equal(a.Hash, b.Hash);
        var objects = a.Objects.ToArray();
        Assert.Equal(a.Hash, StateHash.Compute(a.Scene.Index, objects));
        for (var i = 0; i < objects.Length; i++)
        {
            objects[i]++;
            Assert.NotEqual(a.Hash, StateHash.Compute(a.Scene.Index, objects));
            objects[i]--;
        }
        Assert.NotEqual(a.Hash, StateHash.Compute(a.Scene.Index + 1, objects));
    }

    [Fact]
    public void Neither_a_reset_nor_a_step_nor_its_info_allocates()
    {
        var definition = RoomsEnvironment.Define(Rooms, [], _ => null);
        using var environment = definition.Create(0);
        var writer = new MessagePackWriter(1024);
        var state = new byte[definition.Observations[0].Bytes];
        var random = new System.Random(1);
        var actions = Enumerable.Range(0, 500).Select(_ => System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(Action(random)).ToArray()).ToArray();
        void Work()
        {
            environment.Reset(5, WireValue.EmptyMap);
            foreach (var action in actions)
            {
                environment.Step(new TensorSpan(action));
                environment.Observe("state", new TensorSpan(state));
                writer.Clear();
                environment.WriteInfo(writer);
                writer.HexDigits(environment.StateHash);
            }
        }
        Work();
        Work();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Work();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Random_actions_are_valid_and_invalid_about_as_often_as_calibrated()
    {
        var world = new RoomWorld(Rooms, 0);
        var random = new System.Random(2);
        var counts = new int[6];
        const int Steps = 20_000;
        for (var step = 0; step < Steps; step++)
        {
            if (step % 20 == 0)
            {
                world.Reset(step, null);
            }
            counts[(int)world.Step(Action(random)).Reason]++;
        }
        double[] calibrated = [47.7, 7.5, 7.5, 19.8, 14.2, 3.3];
        for (var reason = 0; reason < counts.Length; reason++)
        {
            Assert.InRange(100.0 * counts[reason] / Steps, calibrated[reason] - 2.5, calibrated[reason] + 2.5);
        }
    }

    private static float[] Action(System.Random random) => [.. Enumerable.Range(0, 6).Select(_ => (float)((2 * random.NextDouble()) - 1))];
}
