using UnityEngine;
using UnityEngine.StandIn;
using Xunit;
using Object = UnityEngine.Object;

namespace Rls3.Gym.Engine.Tests;

/// <summary>The component Gym Server starts, serves, stops and leaves nothing behind, as each Stage checks at its end.</summary>
[Collection("engine")]
public sealed class ServerLifeTests
{
    [Fact]
    public void Serves_states_over_a_socket_and_ends_with_Play()
    {
        using var stage = new Stage(options => options.Graphics = false);
        var server = stage.Serve(settings => settings.EnvCount = 3);
        Assert.Equal(GymPhase.WaitingForClient, server.Phase);
        using var client = new Client(server.Endpoint);
        Assert.True(client.Welcome.Get("graphics")!.IsNil);
        Assert.Equal(3, client.Reset(3, 7, "state").Header.Get("results")!.Items.Count);
        Assert.Equal(GymPhase.InSession, server.Phase);
        Assert.Equal("test", server.Client);
    }

    [Fact]
    public void Starts_again_on_its_port_when_it_is_switched_off_and_on_destroyed_or_made_anew()
    {
        using var stage = new Stage(options => options.Graphics = false);
        var server = stage.Serve();
        server.Settings.Endpoint = server.Endpoint;
        for (var cycle = 0; cycle < 3; cycle++)
        {
            server.enabled = false;
            Assert.Null(GymServerBehaviour.Current);
            Assert.Equal(GymPhase.Stopped, server.Phase);
            Player.Frame();
            server.enabled = true;
            using var client = new Client(server.Endpoint);
            client.Reset(1, cycle);
        }
        var endpoint = server.Endpoint;
        Object.Destroy(server.gameObject);
        Player.Frame();
        var next = stage.Serve(settings => settings.Endpoint = endpoint);
        using var last = new Client(next.Endpoint);
        Assert.Equal(endpoint, next.Endpoint);
    }

    [Fact]
    public void A_second_server_stays_off_and_says_so()
    {
        using var stage = new Stage(options => options.Graphics = false);
        stage.Expect("a gym server already runs");
        var first = stage.Serve();
        var second = stage.Serve();
        Assert.False(second.enabled);
        Assert.Same(first, GymServerBehaviour.Current);
        using var client = new Client(first.Endpoint);
        client.Reset(1, 1);
    }

    [Fact]
    public void A_player_whose_server_cant_start_ends_with_2_and_says_why()
    {
        using var stage = new Stage(options => options.Editor = false);
        stage.Expect("there is no world \"nowhere\"");
        var server = stage.Serve(settings => settings.World = "nowhere");
        Assert.Equal(GymPhase.Failed, server.Phase);
        Assert.Equal(2, Player.ExitCode);
    }

    [Theory]
    [InlineData(0, 64, "Env Count must be from 1 to 65535, not 0")]
    [InlineData(1, 0, "Image Size must be from 32 to 512, not 0")]
    public void A_setting_that_no_server_can_have_is_said(int envs, int imageSize, string message)
    {
        using var stage = new Stage();
        stage.Expect(message);
        var server = stage.Serve(settings =>
        {
            settings.EnvCount = envs;
            settings.ImageSize = imageSize;
        });
        Assert.Equal(GymPhase.Failed, server.Phase);
        Assert.Contains(message, server.LastError);
    }

    [Fact]
    public void Whatever_a_definition_throws_is_said_and_the_next_start_may_succeed()
    {
        using var stage = new Stage();
        stage.Expect("no such thing");
        var server = stage.Serve<Faulty>();
        Assert.Equal(GymPhase.Failed, server.Phase);
        Assert.Contains("no such thing", server.LastError);
        server.enabled = false;
        server.Mended = true;
        server.enabled = true;
        Assert.Equal(GymPhase.WaitingForClient, server.Phase);
        Assert.Null(server.LastError);
    }

    [Fact]
    public void A_subclass_may_have_messages_of_its_own()
    {
        using var stage = new Stage(options => options.Graphics = false);
        var server = stage.Serve<WithMessages>();
        using var client = new Client(server.Endpoint);
        client.Reset(1, 1);
        stage.Quit();
        Assert.True(server.Updates > 0);
        Assert.Equal("OnEnable OnApplicationQuit OnDisable", string.Join(' ', server.Heard));
    }

    [Fact]
    public void Settings_of_the_process_are_put_back_when_it_stops_or_fails()
    {
        using var stage = new Stage();
        stage.Expect("Env Count");
        QualitySettings.vSyncCount = 2;
        var server = stage.Serve();
        Assert.Equal((SimulationMode.Script, true, 0), (Physics.simulationMode, Application.runInBackground, QualitySettings.vSyncCount));
        server.enabled = false;
        Assert.Equal((SimulationMode.FixedUpdate, false, 2), (Physics.simulationMode, Application.runInBackground, QualitySettings.vSyncCount));
        server.Settings.EnvCount = 0;
        server.enabled = true;
        Assert.Equal((SimulationMode.FixedUpdate, false, 2), (Physics.simulationMode, Application.runInBackground, QualitySettings.vSyncCount));
    }

    [Fact]
    public void Play_by_hand_renders_beside_a_client()
    {
        using var stage = new Stage();
        var server = stage.Serve();
        using var client = new Client(server.Endpoint);
        client.Reset(1, 1, "image");
        server.Manual()!.Reset(3, Core.WireValue.EmptyMap);
        server.RenderManual();
        Assert.Same(((Core.RoomsEnvironment)server.ByHand!).World, server.ShownArea!.World);
        Assert.Empty(server.ShownArea.CompareWithPhysics());
        client.Reset(1, 2, "image");
    }

    [Fact]
    public void Play_by_hand_leaves_the_clients_alone_whatever_the_inspector_changes()
    {
        using var stage = new Stage();
        var server = stage.Serve(settings => settings.EnvCount = 3);
        using var client = new Client(server.Endpoint);
        var pictures = client.Reset(2, 1, "image").Tensors[0];
        (server.Settings.EnvCount, server.Settings.ImageSize) = (1, 128);
        server.Manual()!.Reset(3, Core.WireValue.EmptyMap);
        server.RenderManual();
        var shown = server.ShownArea!;
        Assert.Same(((Core.RoomsEnvironment)server.ByHand!).World, shown.World);
        // The third environment is made only now.
        Assert.Equal(pictures, client.Reset(3, 1, "image").Tensors[0][..pictures.Length]);
        server.Settings.EnvCount = 5;
        server.RenderManual();
        Assert.Same(shown, server.ShownArea);
    }

    [Fact]
    public void An_environment_that_fails_to_end_is_said_and_keeps_nothing_else_from_ending()
    {
        using var stage = new Stage(options => options.Graphics = false);
        stage.Expect("it stays");
        QualitySettings.vSyncCount = 2;
        var server = stage.Serve<Clinging>();
        using var client = new Client(server.Endpoint);
        client.Reset(1, 1);
        server.Manual();
        server.enabled = false;
        Assert.Equal(2, server.Ends);
        Assert.Null(GymServerBehaviour.Current);
        Assert.Null(server.ByHand);
        Assert.Equal(GymPhase.Stopped, server.Phase);
        Assert.Equal((SimulationMode.FixedUpdate, false, 2), (Physics.simulationMode, Application.runInBackground, QualitySettings.vSyncCount));
        server.Stop();
        Assert.Equal(2, server.Ends);
    }

    private sealed class Clinging : GymServerBehaviour
    {
        public int Ends { get; private set; }

        protected override Core.EnvironmentDefinition CreateDefinition()
        {
            var definition = base.CreateDefinition();
            return new Core.EnvironmentDefinition(definition.Name, definition.Action, definition.Observations, env => new Clings(definition.Create(env), () => Ends++));
        }
    }

    private sealed class Clings(Core.IEnvironment inner, Action ends) : Core.IEnvironment
    {
        public ulong StateHash => inner.StateHash;

        public void Reset(long? seed, Core.WireValue options) => inner.Reset(seed, options);

        public Core.StepOutcome Step(Core.TensorSpan action) => inner.Step(action);

        public void Observe(string uid, Core.TensorSpan output) => inner.Observe(uid, output);

        public void WriteInfo(Core.IWireWriter writer) => inner.WriteInfo(writer);

        public void Configure(string name, Core.WireValue value) => inner.Configure(name, value);

        public void Dispose()
        {
            ends();
            inner.Dispose();
            throw new InvalidOperationException("it stays");
        }
    }

    private sealed class Faulty : GymServerBehaviour
    {
        public bool Mended { get; set; }

        protected override Core.EnvironmentDefinition CreateDefinition() => Mended ? base.CreateDefinition() : throw new NotSupportedException("no such thing");
    }

    private sealed class WithMessages : GymServerBehaviour
    {
        public List<string> Heard { get; } = [];

        public int Updates { get; private set; }

        protected override void OnEnable()
        {
            Heard.Add("OnEnable");
            base.OnEnable();
        }

        protected override void Update()
        {
            Updates++;
            base.Update();
        }

        protected override void OnDisable()
        {
            Heard.Add("OnDisable");
            base.OnDisable();
        }

        protected override void OnApplicationQuit()
        {
            Heard.Add("OnApplicationQuit");
            base.OnApplicationQuit();
        }
    }
}
