using UnityEngine;
using UnityEngine.StandIn;
using Xunit;
using Object = UnityEngine.Object;

namespace Rls3.Gym.Engine.Tests;

/// <summary>The component Gym Server starts, serves and stops, and leaves nothing behind: each Stage says so at its end.</summary>
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
        stage.Expect("a gym server runs already");
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
}
