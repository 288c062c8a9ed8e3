using Rls3.Gym.Core;
using Rls3.Gym.Tests;
using UnityEngine.StandIn;
using Xunit;

namespace Rls3.Gym.Engine.Tests;

/// <summary>Pictures as clients get them, drawn by the stand-in's rasteriser.</summary>
[Collection("engine")]
public sealed class PictureTests
{
    private const int Side = 64;

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void Show_the_state_and_agree_with_each_other(bool scriptable, bool asyncReadback)
    {
        using var stage = new Stage(options =>
        {
            options.Scriptable = scriptable;
            options.AsyncReadback = asyncReadback;
        });
        stage.Expect("Releasing render texture that is set as Camera.targetTexture!");
        stage.Expect("leaked objects in scene since no game object, component or manager is referencing them: Material, 183");
        stage.Expect("leaked objects in scene since no game object, component or manager is referencing them: Mesh, 30");
        if (scriptable)
        {
            stage.Expect("Releasing render texture that is set to be RenderTexture.active!");
        }
        var server = stage.Serve();
        using var client = new Client(server.Endpoint);
        var (_, tensors) = client.Reset(1, 3, "image", "segmentation", "pixels");
        Assert.Equal([Side * Side * 3, Side * Side, 24], tensors.Select(tensor => tensor.Length));
        Assert.True(tensors[0].Distinct().Count() > 20);
        var counts = new TensorSpan(tensors[2]).Int32;
        for (var slot = 0; slot < 3; slot++)
        {
            Assert.Equal(tensors[1].Count(number => number == slot + 1), counts[2 * slot]);
            Assert.InRange(counts[(2 * slot) + 1], Math.Max(1, counts[2 * slot]), Side * Side);
        }
    }
}
