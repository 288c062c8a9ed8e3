using Rls3.Gym.Core;
using Rls3.Gym.Editor;
using Rls3.Gym.Tests;
using UnityEditor;
using UnityEngine;
using UnityEngine.StandIn;
using Xunit;
using Object = UnityEngine.Object;

namespace Rls3.Gym.Engine.Tests;

/// <summary>The scenes that ship: all their references have targets, and their servers serve.</summary>
[Collection("engine")]
public sealed class SceneTests
{
    private const string Ball = "Packages/com.rls3.gym/Samples~/BallOnTray/BallOnTray.unity";

    public static TheoryData<string> Scenes => [.. new[] { "Assets", "Packages/com.rls3.gym/Samples~" }
        .SelectMany(folder => Directory.GetFiles(In(folder), "*.unity", SearchOption.AllDirectories)).Select(file => Path.GetRelativePath(In(), file).Replace('\\', '/'))];

    [Theory]
    [MemberData(nameof(Scenes))]
    public void Open_and_serve(string scene)
    {
        using var stage = new Stage();
        Open(scene);
        Assert.True(GymServerBehaviour.Current!.Phase == GymPhase.WaitingForClient, GymServerBehaviour.Current.LastError);
        using var client = new Client(GymServerBehaviour.Current.Endpoint);
        client.Reset(1, 1, "image");
    }

    [Fact]
    public void Of_the_sample_the_ball_rolls_where_it_is_pushed_and_is_seen_there()
    {
        using var stage = new Stage();
        Open(Ball);
        using var client = new Client(GymServerBehaviour.Current!.Endpoint);
        var (_, start) = client.Reset(1, 4, "state", "image");
        var before = new TensorSpan(start[0]).Float32.ToArray();
        Assert.Equal(0.1f, before[1], 1e-3f);
        var (steps, after) = (0, before);
        var image = start[1];
        WireValue result;
        do
        {
            var (header, tensors) = client.Step("push", [1f, 0f], "state", "image");
            result = header.Get("results")!.Items[0];
            after = new TensorSpan(tensors[0]).Float32.ToArray();
            Assert.True(after[0] > before[0] && after[2] == before[2], "pushed along x alone");
            // On the tray it is in the picture, and moves there.
            Assert.True(after[1] < 0.09f || !image.SequenceEqual(tensors[1]));
            image = tensors[1];
            before = after;
        }
        while (!result.Get("terminated")!.Boolean && ++steps < 100);
        // There is nothing under it any more.
        Assert.True(after[1] < -0.5f);
        Assert.Equal(-1, result.Get("reward")!.Number);
        // And a seed gives the same episode, whatever came before.
        Assert.Equal(start, client.Reset(1, 4, "state", "image").Tensors);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Of_the_sample_a_new_environment_puts_the_fallen_ball_on_the_tray_after_a_crash_or_a_new_start(bool restart)
    {
        using var stage = new Stage();
        Open(Ball);
        var server = GymServerBehaviour.Current!;
        float[] start;
        using (var client = new Client(server.Endpoint))
        {
            start = State(client.Reset(1, 4, "state"));
            for (var steps = 0; State(client.Step("push", [1f, 0f], "state"))[1] >= -0.5f; steps++)
            {
                Assert.True(steps < 100, "it never fell");
            }
        }
        if (restart)
        {
            server.enabled = false;
            server.enabled = true;
            using var next = new Client(server.Endpoint);
            Assert.Equal(start, State(next.Reset(1, 4, "state")));
            return;
        }
        // As the server does at the first reset after a crash.
        using var anew = server.Definition!.Create(0);
        var state = new byte[server.Definition.Observations[0].Bytes];
        anew.Reset(4, WireValue.EmptyMap);
        anew.Observe("state", new TensorSpan(state));
        Assert.Equal(start, new TensorSpan(state).Float32.ToArray());
    }

    [Fact]
    public void Of_the_sample_nothing_is_stepped_by_hand_and_the_window_says_so()
    {
        using var stage = new Stage();
        Open(Ball);
        var server = GymServerBehaviour.Current!;
        using var client = new Client(server.Endpoint);
        client.Reset(1, 4, "state");
        var still = State(client.Step("push", [0f, 0f], "state"));
        var window = EditorWindow.GetWindow<GymWindow>("RLS3 Gym");
        foreach (var button in new[] { "Reset", "Step" })
        {
            Person.Press(button);
            window.Draw();
        }
        Person.Press("");
        Assert.Contains(Person.Seen, line => line.StartsWith("ball on tray has one environment, which belongs to the client", StringComparison.Ordinal));
        Assert.DoesNotContain("Seed", Person.Seen);
        Assert.Null(server.Manual());
        Assert.Equal(still[..3], State(client.Step("push", [0f, 0f], "state"))[..3]);
        Object.Destroy(window);
    }

    [Fact]
    public void The_sample_says_what_is_missing_and_that_it_is_one_environment()
    {
        foreach (var (envs, message) in new[] { (1, "needs a ball, a mark and an eye"), (2, "serves 1 environment, not 2") })
        {
            using var stage = new Stage();
            stage.Expect(message);
            if (envs == 1)
            {
                stage.Serve<BallEnvironment>();
            }
            else
            {
                Open(Ball, 2);
            }
            Assert.Equal(GymPhase.Failed, GymServerBehaviour.Current!.Phase);
        }
    }

    private static float[] State((WireValue Header, List<byte[]> Tensors) answer) => new TensorSpan(answer.Tensors[0]).Float32.ToArray();

    private static void Open(string scene, int envs = 1) => SceneFile.Open(In(scene), In(), settings =>
    {
        settings.Endpoint = "tcp://127.0.0.1:*";
        settings.EnvCount = envs;
    });

    private static string In(params string[] parts) => Repository.PathOf(["unity-project", .. parts]);
}
