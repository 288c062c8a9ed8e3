using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using Xunit;

namespace Rls3.Gym.Tests;

/// <summary>A client of a host without sockets: numbers its requests as a session wants them.</summary>
internal sealed class Conversation(EnvironmentHost host)
{
    private long req;

    /// <summary>The time that the host is given, in milliseconds.</summary>
    public double Now { get; set; }

    public string Sid { get; private set; } = "";

    /// <summary>The next request's number.</summary>
    public long Next => req + 1;

    /// <summary>Begins a session; `more` are further keys of hello.</summary>
    public WireValue Hello(params (string Key, object? Value)[] more)
    {
        var welcome = Say([("client", "test"), .. more]);
        Assert.Equal("welcome", welcome.Get("t")!.Text);
        Sid = welcome.Get("sid")!.Text;
        return welcome;
    }

    /// <summary>A hello that begins nothing.</summary>
    public WireValue Refused(params (string Key, object? Value)[] more)
    {
        var refusal = Say([("client", "test"), .. more]);
        Assert.Equal("error", refusal.Get("t")!.Text);
        return refusal;
    }

    /// <summary>The session's next request.</summary>
    public WireValue Ask(string type, params (string Key, object? Value)[] more) => Send([Messages.Encode(Messages.Header(type, ++req, [("sid", Sid), .. more]))]);

    /// <summary>A batch of one operation on environment 0: its result.</summary>
    public WireValue One(string op, params (string Key, object? Value)[] more) =>
        Ask("batch", ("ops", Messages.List(Messages.Map([("env", 0), ("op", op), .. more])))).Get("results")!.Items[0];

    /// <summary>Sends any frames, without counting a request.</summary>
    public WireValue Send(IReadOnlyList<byte[]> frames) => MessagePackReader.DecodeHeader(host.Answer(frames, Now)[0]);

    /// <summary>What was said took the next number.</summary>
    public void Took() => req++;

    private WireValue Say((string Key, object? Value)[] more) => Send([Messages.Encode(Messages.Header("hello", ++req, more))]);
}
