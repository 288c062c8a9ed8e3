using NetMQ;
using NetMQ.Sockets;
using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using Rls3.Gym.Tests;
using UnityEngine.StandIn;
using Xunit;

namespace Rls3.Gym.Engine.Tests;

/// <summary>A client on a real socket; while it waits for an answer the engine plays frames.</summary>
internal sealed class Client : IDisposable
{
    private readonly DealerSocket socket;
    private readonly string sid;
    private int req = 1;

    public Client(string endpoint)
    {
        socket = new DealerSocket(">" + endpoint);
        socket.Options.Linger = TimeSpan.Zero;
        Welcome = Ask(Messages.Header("hello", req, ("client", "test")))[0];
        Assert.Equal("welcome", Welcome.Get("t")!.Text);
        sid = Welcome.Get("sid")!.Text;
    }

    public WireValue Welcome { get; }

    /// <summary>Resets of all environments with one seed.</summary>
    public static WireValue Resets(int envs, int seed) =>
        Messages.List([.. Enumerable.Range(0, envs).Select(env => Messages.Map(("env", env), ("op", "reset"), ("seed", seed)))]);

    /// <summary>Resets all environments with one seed: header and tensors.</summary>
    public (WireValue Header, List<byte[]> Tensors) Reset(int envs, int seed, params string[] want) => Batch(Resets(envs, seed), true, want);

    /// <param name="operations">What the batch does.</param>
    /// <param name="succeed">Whether each of them must succeed.</param>
    /// <param name="want">Observations.</param>
    public (WireValue Header, List<byte[]> Tensors) Batch(WireValue operations, bool succeed, params string[] want)
    {
        var wanted = Messages.List([.. want.Select(WireValue.Of)]);
        var frames = Frames(Messages.Header("batch", ++req, ("sid", sid), ("ops", operations), ("want", wanted)));
        var header = MessagePackReader.DecodeHeader(frames[0]);
        Assert.True(header.Get("t")!.Text == "batch_result", header.Get("message")?.Text);
        Assert.All(header.Get("results")!.Items, result => Assert.True(!succeed || result.Get("error") == null, result.Get("error")?.Get("message")?.Text));
        return (header, frames[1..]);
    }

    /// <summary>One step of environment 0.</summary>
    public (WireValue Header, List<byte[]> Tensors) Step(string uid, float[] action, params string[] want)
    {
        var tensor = Messages.Map(("uid", uid), ("dtype", "float32"), ("shape", Messages.List(1, action.Length)), ("frame", 0));
        var header = Messages.Header(
            "batch",
            ++req,
            ("sid", sid),
            ("ops", Messages.List(Messages.Map(("env", 0), ("op", "step")))),
            ("want", Messages.List([.. want.Select(WireValue.Of)])),
            ("tensors", Messages.List(tensor)));
        var frames = Frames(header, System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(action).ToArray());
        return (MessagePackReader.DecodeHeader(frames[0]), frames[1..]);
    }

    public void Dispose() => socket.Dispose();

    private List<WireValue> Ask(WireValue header) => [MessagePackReader.DecodeHeader(Frames(header)[0])];

    private List<byte[]> Frames(WireValue header, params byte[][] payload)
    {
        socket.SendMultipartBytes([Messages.Encode(header), .. payload]);
        NetMQMessage? message = null;
        for (var until = Environment.TickCount64 + 20_000; !socket.TryReceiveMultipartMessage(TimeSpan.FromMilliseconds(1), ref message);)
        {
            Assert.True(Environment.TickCount64 < until, "no answer");
            Player.Frame();
        }
        return [.. message!.Select(frame => frame.ToByteArray())];
    }
}
