using Rls3.Gym.Core;
using Rls3.Gym.Tests;
using System.Reflection;
using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.Rendering.Universal;
using UnityEngine.StandIn;
using Xunit;
using Object = UnityEngine.Object;

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

    [Fact]
    public void URPs_Depth_Priming_changes_no_picture()
    {
        var pictures = new[] { false, true }.Select(priming =>
        {
            using var stage = new Stage(options => options.DepthPriming = priming);
            using var client = new Client(stage.Serve().Endpoint);
            return client.Reset(1, 3, "image", "segmentation", "pixels").Tensors;
        }).ToArray();
        Assert.Equal(pictures[0], pictures[1]);
    }

    [Fact]
    public void A_project_in_Linear_has_the_pictures_of_one_in_Gamma_background_included()
    {
        List<byte[]> Pictures(bool linear)
        {
            using var stage = new Stage(options => options.Linear = linear);
            using var client = new Client(stage.Serve().Endpoint);
            return client.Reset(1, 3, "image", "segmentation").Tensors;
        }
        var gamma = Pictures(false);
        Assert.Equal(gamma, Pictures(true));
    }

    [Fact]
    public void What_is_seen_where_there_is_no_room_is_the_background_in_either_colour_space()
    {
        foreach (var linear in new[] { false, true })
        {
            using var stage = new Stage(options => options.Linear = linear);
            using var sensor = new CameraSensor(1, 3);
            var camera = new GameObject("camera").AddComponent<Camera>();
            var seen = new byte[3];
            sensor.Render(camera, PictureKind.Image, -1, 1);
            sensor.Finish();
            sensor.CopyImage(seen, 1);
            Assert.Equal([33, 33, 38], seen);
            // What comes out without the sensor's correction: a colour of 0.13 taken for sRGB.
            Assert.Equal(linear ? 4 : 33, Cleared(camera));
        }
    }

    [Fact]
    public void URPs_render_scale_is_1_for_a_picture_and_the_projects_own_afterwards()
    {
        using var stage = new Stage();
        using var client = new Client(stage.Serve().Endpoint);
        string[] want = ["image", "segmentation", "pixels"];
        var unscaled = client.Reset(1, 3, want).Tensors;
        var urp = Urp();
        urp.renderScale = 0.7f;
        // Without the package's settings for URP the pictures are filtered.
        Assert.NotEqual(unscaled[0], client.Reset(1, 3, "image").Tensors[0]);
        Player.Load(Assembly.Load("Rls3.Gym.Unity.Packages"));
        Assert.Equal(unscaled, client.Reset(1, 3, want).Tensors);
        Assert.Equal(0.7f, urp.renderScale);
    }

    [Theory]
    [InlineData(1f, UpscalingFilterSelection.FSR, "segmentation")]
    [InlineData(0.7f, UpscalingFilterSelection.Auto, "pixels")]
    public void A_segmentation_that_was_filtered_is_an_error_that_names_the_causes(float scale, UpscalingFilterSelection filter, string want)
    {
        using var stage = new Stage();
        using var client = new Client(stage.Serve().Endpoint);
        var urp = Urp();
        urp.renderScale = scale;
        urp.upscalingFilter = filter;
        var error = client.Batch(Client.Resets(1, 3), false, want).Header.Get("results")!.Items[0].Get("error")!;
        Assert.Equal("ENV_CRASH", error.Get("code")!.Text);
        Assert.All(new[] { "and only 0 to 3 were drawn", "Render Scale", "Upscaling Filter", "renderer features" }, text => Assert.Contains(text, error.Get("message")!.Text));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(9)]
    public void A_segmentation_that_was_filtered_is_an_error_where_each_mixed_number_is_a_slots_too(int slots)
    {
        using var stage = new Stage();
        Urp().renderScale = 0.7f;
        using var sensor = new CameraSensor(Side, slots);
        var camera = new GameObject("camera").AddComponent<Camera>();
        camera.aspect = 1f;
        var material = RoomMaterials.Object(Color.clear, 0f);
        var mesh = BoxMesh.Create();
        foreach (var slot in new[] { 0, slots - 1 })
        {
            var box = new GameObject("box");
            box.transform.localPosition = new Vector3(slot == 0 ? -0.4f : 0.4f, 0f, 3f);
            box.AddComponent<MeshFilter>().sharedMesh = mesh;
            var renderer = box.AddComponent<MeshRenderer>();
            renderer.sharedMaterial = material;
            RoomMaterials.SetSlot([renderer], slot, Vector3.up, new MaterialPropertyBlock());
        }
        var seen = new byte[Side * Side];
        void Picture()
        {
            sensor.Render(camera, PictureKind.Segmentation, -1, 1);
            sensor.Finish();
            sensor.CopySlots(seen, 1);
        }
        Assert.Contains("something filtered the picture", Assert.Throws<InvalidOperationException>(Picture).Message);
        Urp().renderScale = 1f;
        Picture();
        Assert.Equal(new[] { 0, 1, slots }.Distinct(), seen.Distinct().Order().Select(number => (int)number));
        Object.Destroy(material);
        Object.Destroy(mesh);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_render_leaves_no_active_texture_no_target_and_no_pass_of_its_own(bool scriptable)
    {
        using var stage = new Stage(options => options.Scriptable = scriptable);
        using var client = new Client(stage.Serve().Endpoint);
        client.Reset(1, 3, "image", "segmentation", "pixels");
        Assert.Null(RenderTexture.active);
        Assert.All(Player.All<Camera>(), camera => Assert.Null(camera.targetTexture));
        Assert.Equal(0f, Shader.Globals[Shader.PropertyToID("_GymSlots")].X);
        Assert.Equal(0f, Shader.Globals[Shader.PropertyToID("_GymOnlySlot")].X);
    }

    [Fact]
    public void Every_environment_has_the_same_picture_of_the_same_state()
    {
        using var stage = new Stage();
        using var client = new Client(stage.Serve(settings => settings.EnvCount = 64).Endpoint);
        var images = client.Reset(64, 5, "image").Tensors[0];
        for (var env = 1; env < 64; env++)
        {
            Assert.True(images.AsSpan(0, Side * Side * 3).SequenceEqual(images.AsSpan(env * Side * Side * 3, Side * Side * 3)), $"environment {env}");
        }
    }

    [Fact]
    public void Environments_share_one_room()
    {
        using var stage = new Stage();
        using var client = new Client(stage.Serve(settings => settings.EnvCount = 3).Endpoint);
        client.Reset(1, 5, "image");
        var objects = Player.All<GameObject>().Count();
        client.Reset(3, 5, "image");
        Assert.Equal(objects, Player.All<GameObject>().Count());
    }

    [Fact]
    public void A_readback_that_fails_once_is_asked_for_again()
    {
        using var stage = new Stage();
        using var client = new Client(stage.Serve(settings => settings.EnvCount = 2).Endpoint);
        var first = client.Reset(2, 5, "image").Tensors[0];
        Readbacks.Failing.Add(Readbacks.Asked);
        Assert.Equal(first, client.Reset(2, 5, "image").Tensors[0]);
        Assert.Empty(Readbacks.Failing);
    }

    [Fact]
    public void A_picture_that_is_lost_costs_its_own_environment_its_episode_and_nobody_else()
    {
        using var stage = new Stage();
        using var client = new Client(stage.Serve(settings => settings.EnvCount = 3).Endpoint);
        var good = client.Reset(3, 5, "image").Tensors[0];
        // All three are requested, then environment 0's once more, in vain.
        Readbacks.Failing.UnionWith([Readbacks.Asked, Readbacks.Asked + 3]);
        var (header, tensors) = client.Batch(Client.Resets(3, 5), false, "image");
        Assert.Equal("ENV_CRASH", header.Get("results")!.Items[0].Get("error")!.Get("code")!.Text);
        Assert.Contains("did not return the picture", header.Get("results")!.Items[0].Get("error")!.Get("message")!.Text);
        Assert.All(header.Get("results")!.Items.Skip(1), result => Assert.Null(result.Get("error")));
        const int picture = Side * Side * 3;
        Assert.All(tensors[0][..picture], value => Assert.Equal(0, value));
        Assert.Equal(good[picture..], tensors[0][picture..]);
        // The next reset makes it anew.
        Assert.Equal(good, client.Reset(3, 5, "image").Tensors[0]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void People_see_the_environment_that_moved_last_whether_pictures_are_wanted_or_not(bool pictures)
    {
        using var stage = new Stage();
        using var client = new Client(stage.Serve(settings => settings.EnvCount = 2).Endpoint);
        string[] want = pictures ? ["segmentation"] : [];
        var images = Enumerable.Range(5, 2).Select(seed => client.Reset(2, seed, "image").Tensors[0][..(Side * Side * 3)]).ToArray();
        client.Reset(2, 1);
        for (var env = 0; env < 2; env++)
        {
            client.Batch(Messages.List(Messages.Map(("env", env), ("op", "reset"), ("seed", 5 + env))), true, want);
            Player.Frame();
            Assert.False(Player.NothingOnDisplay);
            Assert.Equal(images[env], Seen());
            // It moves away; the other one stays where it is.
            client.Batch(Messages.List(Messages.Map(("env", env), ("op", "reset"), ("seed", 9))), true, want);
            Player.Frame();
            Assert.NotEqual(images[env], Seen());
        }
    }

    [Fact]
    public void A_comparison_with_the_physics_engine_shows_people_the_environment_that_is_compared()
    {
        using var stage = new Stage();
        var server = stage.Serve(settings => settings.EnvCount = 2);
        using var client = new Client(server.Endpoint);
        var first = client.Reset(2, 5, "image").Tensors[0][..(Side * Side * 3)];
        client.Batch(Messages.List(Messages.Map(("env", 1), ("op", "reset"), ("seed", 6))), true, []);
        Player.Frame();
        Assert.NotEqual(first, Seen());
        Assert.Empty(server.ShownArea!.CompareWithPhysics());
        Assert.Equal(first, Seen());
    }

    [Fact]
    public void Nobody_looks_on_without_a_window()
    {
        using var stage = new Stage(options => options.BatchMode = true);
        using var client = new Client(stage.Serve().Endpoint);
        client.Reset(1, 5, "image");
        Assert.DoesNotContain(Player.All<Camera>(), camera => camera.enabled);
    }

    private static UniversalRenderPipelineAsset Urp()
    {
        var urp = new UniversalRenderPipelineAsset { BuiltIn = true };
        GraphicsSettings.defaultRenderPipeline = urp;
        return urp;
    }

    // Red of a target that a camera clears with the background as it is.
    private static byte Cleared(Camera camera)
    {
        camera.backgroundColor = CameraSensor.Background;
        var canvas = new Canvas(1, 1);
        Rasteriser.Draw(camera, canvas);
        return canvas.Pixels[0];
    }

    // What the camera that draws each frame has on the display, as a client's image.
    private static byte[] Seen()
    {
        // As finely as a trainer's picture of this size is drawn.
        const int samples = 4;
        const int fine = samples * Side;
        var canvas = new Canvas(fine, fine);
        var camera = Player.All<Camera>().Single(camera => camera.enabled);
        camera.aspect = 1f;
        var sampling = Shader.PropertyToID("_GymSampling");
        Shader.SetGlobalVector(sampling, new Vector4(samples, Side, 0f, 0f));
        Rasteriser.Draw(camera, canvas);
        Shader.SetGlobalVector(sampling, default);
        int Sample(int x, int y, int channel) => canvas.Pixels[(4 * ((y * fine) + x)) + channel];
        byte Mean(int x, int y, int channel) =>
            (byte)((Enumerable.Range(0, samples * samples).Sum(at => Sample(x + (at % samples), y + (at / samples), channel)) + (samples * samples / 2)) / (samples * samples));
        return [.. Enumerable.Range(0, 3 * Side * Side).Select(at => Mean(samples * (at / 3 % Side), samples * (Side - 1 - (at / 3 / Side)), at % 3))];
    }
}
