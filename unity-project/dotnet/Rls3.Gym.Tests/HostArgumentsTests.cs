using Rls3.Gym.Host;
using Rls3.Gym.Transport;
using Xunit;

namespace Rls3.Gym.Tests;

/// <summary>The headless host's command line.</summary>
public sealed class HostArgumentsTests
{
    private const string Where = "tcp://127.0.0.1:*";

    [Fact]
    public void A_token_is_not_empty_and_not_beside_keys()
    {
        Assert.Equal("secret", HostArguments.Parse(["--bind", Where, "--token", "secret"]).Token);
        Assert.Contains("token is empty", Refusal("--bind", Where, "--token", ""));
        Assert.Contains("--keys and --token", Refusal("--bind", Where, "--token", "secret", "--keys", "keys.json"));
        Assert.Contains("--keys and --token", Refusal("--bind", Where, "--keys", "keys.json", "--token", "secret"));
    }

    private static string Refusal(params string[] args) => Assert.Throws<ConfigurationException>(() => HostArguments.Parse(args)).Message;
}
