using UnityEngine;
using UnityEngine.StandIn;
using Xunit;
using Object = UnityEngine.Object;

namespace Rls3.Gym.Engine.Tests;

/// <summary>The stand-in keeps the engine's rules that the package depends on.</summary>
[Collection("engine")]
public sealed class StandInTests
{
    [Fact]
    public void Messages_come_in_the_engines_order_and_only_to_what_is_switched_on()
    {
        using var stage = new Stage();
        var holder = new GameObject("holder");
        holder.SetActive(false);
        var script = holder.AddComponent<Script>();
        Player.Frame();
        Assert.Empty(script.Heard);
        holder.SetActive(true);
        Assert.Equal("Awake OnEnable", script.Said());
        Player.Frame();
        Assert.Equal("Start Update LateUpdate", script.Said());
        script.enabled = false;
        Player.Frame();
        Assert.Equal("OnDisable", script.Said());
        script.enabled = true;
        Player.Frame();
        Assert.Equal("OnEnable Update LateUpdate", script.Said());
        Object.Destroy(holder);
        Assert.False(script == null);
        Assert.Empty(script.Heard);
        Player.Frame();
        Assert.Equal("Update LateUpdate OnDisable OnDestroy", script.Said());
        Assert.True(script == null && holder == null);
        Assert.Contains("has been destroyed", Assert.Throws<MissingReferenceException>(() => script!.enabled).Message);
    }

    [Fact]
    public void The_end_of_Play_quits_disables_and_destroys()
    {
        using var stage = new Stage();
        var script = new GameObject("holder").AddComponent<Script>();
        Player.Frame();
        script.Said();
        stage.Quit();
        Assert.Equal("OnApplicationQuit OnDisable OnDestroy", script.Said());
    }

    [Fact]
    public void A_subclass_hides_a_private_message_of_its_base_and_overrides_a_protected_one()
    {
        using var stage = new Stage();
        var script = new GameObject("holder").AddComponent<Derived>();
        Player.Frame();
        Assert.Equal("Awake OnEnable Start Derived.Update LateUpdate", script.Said());
    }

    [Fact]
    public void An_exception_in_a_message_is_logged_and_the_frame_goes_on()
    {
        using var stage = new Stage();
        stage.Expect("FormatException: broken");
        new GameObject("first").AddComponent<Broken>();
        var script = new GameObject("second").AddComponent<Script>();
        Player.Frame();
        Assert.EndsWith("Update LateUpdate", script.Said());
    }

    [Fact]
    public void Lower_execution_orders_come_first()
    {
        using var stage = new Stage();
        var late = new GameObject("late").AddComponent<Script>();
        var early = new GameObject("early").AddComponent<Early>();
        early.Other = late;
        Player.Frame();
        Assert.True(early.WasFirst);
    }

    [Fact]
    public void Other_threads_and_constructors_of_scripts_may_not_ask_the_engine()
    {
        using var stage = new Stage();
        var holder = new GameObject("holder");
        Exception? thrown = null;
        var thread = new Thread(() => thrown = Record.Exception(() => holder.name));
        thread.Start();
        thread.Join();
        Assert.Equal("name can only be called from the main thread.", Assert.IsType<UnityException>(thrown).Message);
        Assert.Contains("not allowed to be called from a MonoBehaviour constructor", Assert.Throws<UnityException>(holder.AddComponent<Hasty>).Message);
    }

    [Fact]
    public void Says_what_was_made_and_never_destroyed()
    {
        using var stage = new Stage();
        stage.Expect("leaked objects in scene since no game object, component or manager is referencing them: Mesh, 2");
        stage.Expect("A Native Collection has not been disposed");
        _ = new Mesh();
        _ = new Mesh();
        Object.Destroy(new Mesh());
        _ = new Unity.Collections.NativeArray<byte>(1, Unity.Collections.Allocator.Persistent);
        Player.Frame();
    }

    [Fact]
    public void Says_that_a_texture_is_released_while_a_camera_or_the_device_draws_into_it()
    {
        using var stage = new Stage();
        stage.Expect("Releasing render texture that is set as Camera.targetTexture!");
        stage.Expect("Releasing render texture that is set to be RenderTexture.active!");
        var texture = new RenderTexture(4, 4, 24, UnityEngine.Experimental.Rendering.GraphicsFormat.R8G8B8A8_UNorm);
        texture.Create();
        new GameObject("camera").AddComponent<Camera>().targetTexture = texture;
        RenderTexture.active = texture;
        Object.Destroy(texture);
        Player.Frame();
    }

    [Fact]
    public void Outside_Play_scripts_sleep_and_Destroy_is_refused()
    {
        using var stage = new Stage(options => options.Play = false);
        stage.Expect("Destroy may not be called from edit mode");
        var script = new GameObject("holder").AddComponent<Script>();
        Player.Frame();
        Assert.Empty(script.Heard);
        Object.Destroy(script);
        Object.DestroyImmediate(script.gameObject);
        Assert.True(script == null);
    }

    [Fact]
    public void Boxes_overlap_where_physics_was_told_that_they_are()
    {
        using var stage = new Stage();
        var collider = new GameObject("box").AddComponent<BoxCollider>();
        collider.transform.localRotation = Quaternion.Euler(0f, 45f, 0f);
        collider.transform.localPosition = new Vector3(1.2f, 0f, 0f);
        Physics.SyncTransforms();
        Collider[] Found() => Physics.OverlapBox(Vector3.zero, Vector3.one / 2f, Quaternion.Euler(0f, 0f, 0f));
        // A corner of it reaches 0.707 m towards the other's face, which is 0.7 m away.
        Assert.Equal([collider], Found());
        collider.transform.localPosition = new Vector3(1.21f, 0f, 0f);
        Assert.Equal([collider], Found());
        Physics.SyncTransforms();
        Assert.Empty(Found());
    }

    private class Script : MonoBehaviour
    {
        public List<string> Heard { get; } = [];

        public string Said()
        {
            var said = string.Join(' ', Heard);
            Heard.Clear();
            return said;
        }

        protected virtual void LateUpdate() => Heard.Add("LateUpdate");

        private void Awake() => Heard.Add("Awake");

        private void OnEnable() => Heard.Add("OnEnable");

        private void Start() => Heard.Add("Start");

        private void Update() => Heard.Add("Update");

        private void OnDisable() => Heard.Add("OnDisable");

        private void OnDestroy() => Heard.Add("OnDestroy");

        private void OnApplicationQuit() => Heard.Add("OnApplicationQuit");
    }

    private sealed class Derived : Script
    {
        private void Update() => Heard.Add("Derived.Update");
    }

    private sealed class Broken : MonoBehaviour
    {
        private void Update() => throw new FormatException("broken");
    }

    [DefaultExecutionOrder(-1)]
    private sealed class Early : MonoBehaviour
    {
        public Script? Other { get; set; }

        public bool WasFirst { get; private set; }

        private void Update() => WasFirst = Other != null && !Other.Heard.Contains("Update");
    }

    private sealed class Hasty : MonoBehaviour
    {
        private readonly GameObject made = new("made");
    }
}
