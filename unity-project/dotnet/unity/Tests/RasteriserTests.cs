using UnityEngine;
using UnityEngine.Experimental.Rendering;
using UnityEngine.StandIn;
using Xunit;
using Object = UnityEngine.Object;

namespace Rls3.Gym.Engine.Tests;

/// <summary>The rasteriser draws where, what and how often a device would.</summary>
[Collection("engine")]
public sealed class RasteriserTests
{
    private const int Side = 32;

    [Fact]
    public void Faces_of_every_mesh_turn_clockwise_as_seen_from_where_their_normals_point()
    {
        using var stage = new Stage();
        var profile = new[] { new Vector3(0.1f, 0f, 0f), new Vector3(0.2f, 0.3f, 0f), new Vector3(0.15f, 0.1f, 0f) };
        foreach (var mesh in new[]
        {
            BoxMesh.Create(), FaceMesh.Create(Vector3.one, Vector3.up, new Vector3(1f, 0f, 1f)), BallMesh.Create(16), FrustumMesh.Create(0.2f, 0.1f, 0.3f, 8), FrustumMesh.Create(0.1f, 0.2f, 0.3f, 8), LatheMesh.Create(profile, 0, 2, 8),
        })
        {
            for (var at = 0; at < mesh.Triangles.Length; at += 3)
            {
                Vector3 Corner(int corner) => mesh.Vertices[mesh.Triangles[at + corner]];
                var facing = Geometry.Cross(Corner(1) - Corner(0), Corner(2) - Corner(0));
                // A sphere's poles have triangles without an area.
                Assert.True(Geometry.Dot(facing, facing) < 1e-12f || Geometry.Dot(facing, mesh.Normals[mesh.Triangles[at]]) > 0f, $"{mesh.name} {at}");
            }
            Object.Destroy(mesh);
        }
    }

    [Fact]
    public void What_is_left_of_the_camera_is_left_and_above_is_above()
    {
        using var stage = new Stage();
        using var made = new Made();
        var camera = LookAlongZ();
        Box(new Vector3(-1f, 1f, 10f), Vector3.one, new Color(1f, 0f, 0f, 1f));
        var (canvas, _) = Draw(camera);
        var (x, y) = Middle(canvas);
        Assert.InRange(x, (Side / 2) - 4, (Side / 2) - 2);
        Assert.InRange(y, (Side / 2) + 1, (Side / 2) + 3);
    }

    [Fact]
    public void The_nearer_one_is_seen_and_what_lies_behind_the_near_plane_is_not()
    {
        using var stage = new Stage();
        using var made = new Made();
        var camera = LookAlongZ();
        Box(new Vector3(0f, 0f, 10f), Vector3.one * 4f, new Color(0f, 1f, 0f, 1f));
        Box(new Vector3(0f, 0f, 5f), Vector3.one, new Color(1f, 0f, 0f, 1f));
        // The camera is inside it: its faces look away.
        Box(new Vector3(0f, 0f, 0f), Vector3.one, new Color(0f, 0f, 1f, 1f));
        var (canvas, at) = Draw(camera);
        Assert.Equal([255, 0, 0], canvas.Pixels[at..(at + 3)]);
    }

    [Fact]
    public void A_pixel_is_covered_where_its_middle_is_by_one_of_two_faces_that_share_an_edge()
    {
        using var stage = new Stage();
        using var made = new Made();
        var camera = LookAlongZ();
        // The edge between them runs through the middles of a column: there a pixel is 20/32 of a metre wide.
        const float edge = 10f / Side;
        Box(new Vector3(edge - 10f, 0f, 10.5f), new Vector3(20f, 20f, 1f), new Color(1f, 0f, 0f, 1f));
        Box(new Vector3(edge + 10f, 0f, 10.5f), new Vector3(20f, 20f, 1f), new Color(0f, 1f, 0f, 1f));
        var (canvas, _) = Draw(camera);
        var row = Enumerable.Range(Side / 2 * Side, Side).Select(at => canvas.Pixels[(4 * at)..((4 * at) + 2)]);
        Assert.All(row, pixel => Assert.Equal(255, pixel[0] + pixel[1]));
        Assert.InRange(row.Count(pixel => pixel[0] == 255), Side / 2, (Side / 2) + 1);
    }

    [Fact]
    public void A_shaders_own_property_wins_over_the_global_one_and_a_block_over_both()
    {
        using var stage = new Stage();
        using var made = new Made();
        var box = Box(new Vector3(0f, 0f, 10f), Vector3.one, new Color(1f, 1f, 1f, 1f));
        var id = Shader.PropertyToID("_Slot");
        Shader.SetGlobalFloat(id, 9f);
        Assert.Equal(0f, new Uniforms(box)["_Slot"].X);
        var block = new MaterialPropertyBlock();
        RoomMaterials.SetSlot([box], 1, Vector3.up, block);
        block.Clear();
        Assert.Equal(2f, new Uniforms(box)["_Slot"].X);
        Assert.Equal(0f, new Uniforms(box)["_GymSlots"].X);
        Shader.SetGlobalFloat(Shader.PropertyToID("_GymSlots"), 1f);
        Assert.Equal(1f, new Uniforms(box)["_GymSlots"].X);
    }

    [Fact]
    public void A_ray_along_the_side_of_a_box_meets_it_or_passes_it_as_one_beside_it_does()
    {
        using var stage = new Stage();
        using var made = new Made();
        var floor = Box(Vector3.zero, Vector3.one, RoomMaterials.Surface(new Color(1f, 1f, 1f, 1f), null, -1));
        Shader.SetGlobalVector(Shader.PropertyToID("_GymShading"), new Vector4(1f, 0f, 0f, 0f));
        Shader.SetGlobalVector(Shader.PropertyToID("_GymRoom"), new Vector4(4000f, 2500f, 4000f, 1f));
        Shader.SetGlobalVectorArray(Shader.PropertyToID("_GymBoxLow"), [new Vector4(-500f, 0f, -1000f, 0f)]);
        Shader.SetGlobalVectorArray(Shader.PropertyToID("_GymBoxHigh"), [new Vector4(500f, 900f, -200f, 0f)]);
        // Of the floor, before the box. Feelers that keep to x go along its side where x is the box's own.
        float Bright(float x) => floor.sharedMaterial.Shader.File.Begin(new Uniforms(floor)).Shade(Vector3.up, new Vector3(x, 0f, 0.1f)).X;
        Assert.NotEqual(Bright(-0.4f), Bright(-1.5f));
        Assert.True(Bright(-0.4999f) < Bright(-0.5001f) - 0.05f);
        // The lower side is the box's, as the next box's would be where two touch; the upper one is not.
        Assert.Equal(Bright(-0.4999f), Bright(-0.5f), 3);
        Assert.Equal(Bright(0.5001f), Bright(0.5f), 3);
    }

    private static Camera LookAlongZ()
    {
        var camera = new GameObject("camera").AddComponent<Camera>();
        camera.fieldOfView = 90f;
        camera.aspect = 1f;
        camera.backgroundColor = Color.clear;
        Shader.SetGlobalVector(Shader.PropertyToID("_GymShading"), new Vector4(1f, 0f, 0f, 0f));
        return camera;
    }

    private static Renderer Box(Vector3 middle, Vector3 size, Color colour) => Box(middle, size, RoomMaterials.Object(colour, 0f));

    private static Renderer Box(Vector3 middle, Vector3 size, Material material)
    {
        var box = new GameObject("box");
        box.AddComponent<MeshFilter>().sharedMesh = BoxMesh.Create();
        box.AddComponent<MeshRenderer>().sharedMaterial = material;
        box.transform.localPosition = middle;
        box.transform.localScale = size;
        return box.GetComponent<Renderer>();
    }

    // The picture, and where its middle pixel lies.
    private static (Canvas Canvas, int Middle) Draw(Camera camera)
    {
        var texture = new RenderTexture(Side, Side, 24, GraphicsFormat.R8G8B8A8_UNorm);
        camera.targetTexture = texture;
        camera.Render();
        camera.targetTexture = null;
        var canvas = texture.Canvas;
        Object.Destroy(texture);
        return (canvas, ((Side / 2 * Side) + (Side / 2)) * 4);
    }

    private static (double X, double Y) Middle(Canvas canvas)
    {
        var lit = Enumerable.Range(0, Side * Side).Where(at => canvas.Pixels[at * 4] > 0).ToArray();
        return (lit.Average(at => at % Side), lit.Average(at => at / Side));
    }

    /// <summary>Destroys what materials and meshes there are.</summary>
    private sealed class Made : IDisposable
    {
        public void Dispose()
        {
            foreach (var one in Player.All<Object>().Where(one => one is Material or Mesh))
            {
                Object.Destroy(one);
            }
        }
    }
}
