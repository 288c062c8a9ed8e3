using Rls3.Gym.Protocol;
using Xunit;

namespace Rls3.Gym.Tests;

/// <summary>The end of a host whose environments fail to end.</summary>
public sealed class DisposalTests
{
    [Fact]
    public void Ends_all_environments_then_reports_the_first_failure_and_ends_none_twice()
    {
        List<int> ended = [];
        var definition = Scripted.Define((env, at) =>
        {
            if (at != "dispose")
            {
                return;
            }
            ended.Add(env);
            if (env < 2)
            {
                throw new InvalidOperationException($"environment {env} stays");
            }
        });
        var host = new EnvironmentHost(definition, new HostOptions { EnvCount = 3 }, new CallingThread());
        var talk = new Conversation(host);
        talk.Hello();
        talk.Ask("batch", ("ops", Messages.List([.. Enumerable.Range(0, 3).Select(env => Messages.Map(("env", env), ("op", "reset")))])));
        Assert.Equal("environment 0 stays", Assert.Throws<InvalidOperationException>(host.Dispose).Message);
        host.Dispose();
        Assert.Equal([0, 1, 2], ended);
    }
}
