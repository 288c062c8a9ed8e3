#nullable enable
using System;
using Rls3.Gym.Core;
using Rls3.Gym.Engine;
using UnityEngine;

/// <summary>
/// One ball, one mark. An action is a push along x and z; the reward is 1 at the mark, and −1 where the ball falls off the tray.
/// Places are metres in the frame of the tray, which is the parent of ball, mark and eye.
/// </summary>
public sealed class BallOnTray : IEnvironment
{
    /// <summary>Simulated seconds of a step.</summary>
    public const double StepSeconds = 0.1;

    private const int Parts = 5;
    private const float PartSeconds = (float)(StepSeconds / Parts);
    private const float PushOfOne = 4f;
    private const float Reach = 0.1f;
    private const float Edge = 0.9f;
    private const float Fallen = -0.5f;
    private const int LongestEpisode = 200;

    private readonly Rigidbody ball;
    private readonly Transform mark;
    private readonly Camera eye;
    private readonly CameraSensor? sensor;
    private readonly float restingHeight;
    private Xoshiro128 random = new Xoshiro128(0);
    private int steps;
    private long tick;

    /// <param name="ball">On the tray, or fallen off it: an environment is made anew after a crash.</param>
    /// <param name="restingHeight">Of the ball's middle on the tray, in metres.</param>
    /// <param name="mark">On the tray.</param>
    /// <param name="eye">Takes the pictures.</param>
    /// <param name="side">Of pictures, in pixels; 0 where there are none.</param>
    public BallOnTray(Rigidbody ball, float restingHeight, Transform mark, Camera eye, int side)
    {
        this.ball = ball;
        this.mark = mark;
        this.eye = eye;
        this.restingHeight = restingHeight;
        sensor = side > 0 ? CameraSensor.ForImages(side) : null;
    }

    /// <summary>Never called: the physics engine computes in floats, whose last bits differ between machines.</summary>
    public ulong StateHash => 0;

    // Unity 6 has given it a new name.
    private Vector3 Velocity
    {
#if UNITY_6000_0_OR_NEWER
        get => ball.linearVelocity;
        set => ball.linearVelocity = value;
#else
        get => ball.velocity;
        set => ball.velocity = value;
#endif
    }

    public void Reset(long? seed, WireValue options)
    {
        random = seed.HasValue ? new Xoshiro128(seed.Value) : random;
        steps = 0;
        tick++;
        // Off and on again, so the physics engine forgets the contacts of the last episode and a seed always gives the same one.
        ball.gameObject.SetActive(false);
        ball.transform.localPosition = new Vector3(Anywhere(), restingHeight, Anywhere());
        mark.localPosition = new Vector3(Anywhere(), mark.localPosition.y, Anywhere());
        ball.gameObject.SetActive(true);
        Velocity = Vector3.zero;
        ball.angularVelocity = Vector3.zero;
    }

    public StepOutcome Step(TensorSpan action)
    {
        var push = new Vector3(action.Float32[0], 0f, action.Float32[1]) * PushOfOne;
        for (var part = 0; part < Parts; part++)
        {
            ball.AddForce(push, ForceMode.Acceleration);
            Physics.Simulate(PartSeconds);
        }
        steps++;
        tick++;
        var at = ball.transform.localPosition;
        var fallen = at.y < Fallen;
        var there = !fallen && Distance(at, mark.localPosition) < Reach;
        return new StepOutcome(there ? 1 : fallen ? -1 : 0, there || fallen, !there && !fallen && steps == LongestEpisode);
    }

    public void Observe(string uid, TensorSpan output)
    {
        if (uid == "image")
        {
            var camera = sensor ?? throw new InvalidOperationException("there is no graphics device");
            camera.Render(eye, PictureKind.Image, -1, tick);
            camera.Finish();
            camera.CopyImage(output.Bytes, tick);
            return;
        }
        var state = output.Float32;
        Write(state, 0, ball.transform.localPosition);
        Write(state, 3, Velocity);
        state[6] = mark.localPosition.x;
        state[7] = mark.localPosition.z;
    }

    public void WriteInfo(IWireWriter writer)
    {
        writer.BeginMap();
        writer.Key("distance");
        writer.Value(Distance(ball.transform.localPosition, mark.localPosition));
        writer.EndMap();
    }

    public void Configure(string name, WireValue value)
    {
        // The definition names no parameters.
    }

    public void Dispose() => sensor?.Dispose();

    private float Anywhere() => Edge * ((2f * random.Below(1001) / 1000f) - 1f);

    // Along the tray.
    private static float Distance(Vector3 a, Vector3 b) => Vector3.Distance(new Vector3(a.x, 0f, a.z), new Vector3(b.x, 0f, b.z));

    private static void Write(Span<float> output, int at, Vector3 value)
    {
        output[at] = value.x;
        output[at + 1] = value.y;
        output[at + 2] = value.z;
    }
}
