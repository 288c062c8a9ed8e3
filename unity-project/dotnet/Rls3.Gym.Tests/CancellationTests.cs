using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using Xunit;

namespace Rls3.Gym.Tests;

/// <summary>A cancellation inside an environment, such as a timeout of its HTTP client, is a failure like any other.</summary>
public sealed class CancellationTests
{
    [Theory]
    [InlineData("create")]
    [InlineData("reset")]
    [InlineData("observe")]
    [InlineData("info")]
    public void In_an_environment_ends_its_episode_and_no_other(string place)
    {
        var definition = Scripted.Define((env, at) =>
        {
            if (env == 0 && at == place)
            {
                throw new TaskCanceledException("it took too long");
            }
        });
        using var host = new EnvironmentHost(definition, new HostOptions { EnvCount = 2 }, new CallingThread());
        var talk = new Conversation(host);
        talk.Hello();
        var ops = Messages.List(Messages.Map(("env", 0), ("op", "reset")), Messages.Map(("env", 1), ("op", "reset")));
        var results = talk.Ask("batch", ("ops", ops), ("want", Messages.List("seen"))).Get("results")!.Items;
        Assert.Equal("ENV_CRASH", results[0].Get("error")!.Get("code")!.Text);
        Assert.Contains("it took too long", results[0].Get("error")!.Get("message")!.Text);
        Assert.Null(results[1].Get("error"));
    }

    [Fact]
    public void In_configure_or_before_the_observations_is_an_error_and_the_session_goes_on()
    {
        var throws = false;
        void Happens(int env, string at)
        {
            if (throws && at == "configure")
            {
                throw new OperationCanceledException("it took too long");
            }
        }
        var definition = Scripted.Define(Happens);
        definition.BeforeObserving = (_, _) => throw new OperationCanceledException("no pictures");
        using var host = new EnvironmentHost(definition, new HostOptions(), new CallingThread());
        var talk = new Conversation(host);
        talk.Hello();
        talk.One("reset");
        var ops = Messages.List(Messages.Map(("env", 0), ("op", "noop")));
        Assert.Equal("INTERNAL", talk.Ask("batch", ("ops", ops), ("want", Messages.List("seen"))).Get("code")!.Text);
        throws = true;
        Assert.Equal("INTERNAL", talk.Ask("configure", ("parameters", Messages.Map(("pace", 3)))).Get("code")!.Text);
        Assert.Equal("pong", talk.Ask("ping").Get("t")!.Text);
    }
}
