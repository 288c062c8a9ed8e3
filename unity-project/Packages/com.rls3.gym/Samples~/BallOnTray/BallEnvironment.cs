#nullable enable
using System.Collections.Generic;
using Rls3.Gym.Core;
using Rls3.Gym.Engine;
using Rls3.Gym.Transport;
using UnityEngine;

/// <summary>
/// An environment with physics and a camera: a ball on a tray is pushed to a mark, and a picture of it is observed. Open
/// BallOnTray.unity, press Play, and check it: rls3 env check tcp://127.0.0.1:5005
/// </summary>
public sealed class BallEnvironment : GymServerBehaviour
{
    [SerializeField]
    private Rigidbody? ball;

    [SerializeField]
    private Transform? mark;

    [SerializeField]
    [Tooltip("The camera that takes the pictures. It stays disabled and draws on request; people see through another camera.")]
    private Camera? eye;

    // Of the ball, as the scene has it: NaN until the first start. Later starts may find the ball fallen.
    private float restingHeight = float.NaN;

    protected override EnvironmentDefinition CreateDefinition()
    {
        if (ball == null || mark == null || eye == null)
        {
            throw new ConfigurationException("Ball Environment needs a ball, a mark and an eye: set them in the inspector");
        }
        if (Settings.EnvCount != 1)
        {
            throw new ConfigurationException($"Ball Environment serves 1 environment, not {Settings.EnvCount}: physics is one for the whole Unity scene. Start a player for each");
        }
        restingHeight = float.IsNaN(restingHeight) ? ball.transform.localPosition.y : restingHeight;
        var side = GraphicsDevice == null ? 0 : Settings.ImageSize;
        var action = new TensorSpec("push", DType.Float32, new[] { 2 }, new[] { -1.0 }, new[] { 1.0 }, new[] { "x", "z" });
        var names = new[] { "ball x", "ball y", "ball z", "velocity x", "velocity y", "velocity z", "mark x", "mark z" };
        var observations = new List<TensorSpec> { new TensorSpec("state", DType.Float32, new[] { names.Length }, null, null, names) };
        if (side > 0)
        {
            // As the render pipeline needs it: under URP pictures have no post-processing and no shadows.
            PrepareCamera?.Invoke(eye);
            eye.aspect = 1f;
            observations.Add(new TensorSpec("image", DType.UInt8, new[] { side, side, 3 }, new[] { 0.0 }, new[] { 255.0 }, null, true));
        }
        return new EnvironmentDefinition("ball on tray", action, observations, _ => new BallOnTray(ball, restingHeight, mark, eye, side))
        {
            Graphics = GraphicsDevice,
            // A second one would move the same ball.
            SingleEnvironment = true,
            TimeStep = BallOnTray.StepSeconds,
        };
    }
}
