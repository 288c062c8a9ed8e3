using Rls3.Gym.Core;
using Rls3.Gym.Tests;
using UnityEngine;
using UnityEngine.StandIn;
using Xunit;

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

    private static void Open(string scene, int envs = 1) => SceneFile.Open(In(scene), In(), settings =>
    {
        settings.Endpoint = "tcp://127.0.0.1:*";
        settings.EnvCount = envs;
    });

    private static string In(params string[] parts) => Repository.PathOf(["unity-project", .. parts]);
}
