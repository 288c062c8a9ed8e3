using Rls3.Gym.Core;
using Rls3.Gym.Editor;
using UnityEditor;
using UnityEngine;
using UnityEngine.StandIn;
using Xunit;
using Object = UnityEngine.Object;

namespace Rls3.Gym.Engine.Tests;

/// <summary>The Gym window, event by event, with a person who presses its buttons.</summary>
[Collection("engine")]
public sealed class WindowTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("rls3-window-").FullName;

    public void Dispose() => Directory.Delete(folder, true);

    [Fact]
    public void A_recorded_sample_is_opened_after_the_event_and_shown_in_the_room()
    {
        using var stage = new Stage();
        var server = stage.Serve();
        var window = EditorWindow.GetWindow<GymWindow>("RLS3 Gym");
        using var client = new Client(server.Endpoint);
        // A state that is there, to record.
        client.Reset(1, 7, "image");
        var shown = server.ShownArea!.World!;
        var rows = Enumerable.Range(0, 3).Select(slot => $"[{string.Join(',', shown.Objects.ToArray().Skip(5 * slot).Take(5))}]");
        var file = Path.Combine(folder, "0001.jsonl");
        File.WriteAllText(file, $"{{\"scene\":{shown.Scene.Index},\"objects\":[{string.Join(',', rows)}],\"captions\":[],\"hardness\":0.25,\"score\":null}}\n");

        // A panel within a layout group breaks the window: the stand-in throws, and Unity's layout is lost.
        Person.Choosing = file;
        Press(window, "Open a run's samples…");
        Assert.NotNull(Person.Choosing);
        EditorApplication.EndEvent();
        Assert.Null(Person.Choosing);
        window.Draw();
        Assert.Contains("Sample of 0001.jsonl, hardest first", Person.Seen);
        Assert.Contains("Hardness: 0.250, score none", Person.Seen);
        Press(window, "Show");
        Assert.Equal(shown.Hash, ((RoomsEnvironment)server.ByHand!).World.Hash);
        Assert.Equal(0, Person.Groups);
        Object.Destroy(window);
    }

    [Fact]
    public void Draws_no_picture_of_an_environment_that_crashed_until_it_is_reset()
    {
        using var stage = new Stage();
        var server = stage.Serve();
        var window = EditorWindow.GetWindow<GymWindow>("RLS3 Gym");
        using var client = new Client(server.Endpoint);
        client.Reset(1, 7, "image");
        window.Draw();
        Assert.Contains("Last image", Person.Seen);
        Assert.True(Person.Seen.IndexOf("Log") < Person.Seen.IndexOf("Last image"));
        Readbacks.Failing.UnionWith([Readbacks.Asked, Readbacks.Asked + 1]);
        var crash = client.Batch(Client.Resets(1, 8), false, "image").Header.Get("results")!.Items[0];
        Assert.Equal("ENV_CRASH", crash.Get("error")!.Get("code")!.Text);
        Assert.Null(server.ShownArea);
        window.Draw();
        Assert.DoesNotContain("Last image", Person.Seen);
        Assert.Contains("Log", Person.Seen);
        client.Reset(1, 9, "image");
        window.Draw();
        Assert.Contains("Last image", Person.Seen);
        Object.Destroy(window);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("{\"scene\":", true)]
    public void A_panel_that_is_closed_changes_nothing_and_a_file_that_is_no_run_s_is_said(string text, bool said)
    {
        using var stage = new Stage(options => options.Graphics = false);
        stage.Serve();
        var window = EditorWindow.GetWindow<GymWindow>("RLS3 Gym");
        var file = Path.Combine(folder, "broken.jsonl");
        File.WriteAllText(file, text);
        Person.Choosing = said ? file : "";
        Press(window, "Open a run's samples…");
        EditorApplication.EndEvent();
        window.Draw();
        Assert.Equal(said, Person.Seen.Exists(line => line.StartsWith(file, StringComparison.Ordinal)));
        Object.Destroy(window);
    }

    [Fact]
    public void Says_how_to_begin_where_no_server_is_in_the_scene()
    {
        using var stage = new Stage();
        var window = EditorWindow.GetWindow<GymWindow>("RLS3 Gym");
        window.Draw();
        Assert.Contains(Person.Seen, line => line.Contains("add the component RLS3 / Gym Server", StringComparison.Ordinal));
        Object.Destroy(window);
    }

    private static void Press(GymWindow window, string button)
    {
        Person.Press(button);
        window.Draw();
    }
}
