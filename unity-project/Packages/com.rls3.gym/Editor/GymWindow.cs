#nullable enable
using System;
using System.Collections.Generic;
using Rls3.Gym.Core;
using Rls3.Gym.Engine;
using UnityEditor;
using UnityEngine;

namespace Rls3.Gym.Editor
{
    /// <summary>
    /// The Gym window: what the server is doing, and a room to reset and step by hand, with its image, captions and rewards.
    /// If the server does not run, the window says why.
    /// </summary>
    public sealed class GymWindow : EditorWindow
    {
        private readonly HardSampleReplay replay = new HardSampleReplay();
        private long seed = 1;
        private float[] action = Array.Empty<float>();
        private string outcome = "";
        private Vector2 scroll;

        [MenuItem("RLS3/Gym Window")]
        public static void Open() => GetWindow<GymWindow>("RLS3 Gym");

        private void OnEnable() => EditorApplication.update += RepaintInPlay;

        private void OnDisable() => EditorApplication.update -= RepaintInPlay;

        private void RepaintInPlay()
        {
            if (EditorApplication.isPlaying)
            {
                Repaint();
            }
        }

        private void OnGUI()
        {
            scroll = EditorGUILayout.BeginScrollView(scroll);
            var server = GymServerBehaviour.Current;
            if (server == null)
            {
                EditorGUILayout.HelpBox(
                    EditorApplication.isPlaying
                        ? "No gym server is in this scene: add the component RLS3 / Gym Server to a game object."
                        : "Press Play to start the server. A trainer started with --env editor waits for it and continues at the next Play.",
                    MessageType.Info);
            }
            else
            {
                DrawConnection(server);
                DrawManual(server);
                replay.Draw(server);
                DrawLog(server);
                DrawPicture(server);
            }
            EditorGUILayout.EndScrollView();
        }

        private static void DrawConnection(GymServerBehaviour server)
        {
            EditorGUILayout.LabelField("Server", EditorStyles.boldLabel);
            EditorGUILayout.LabelField("Phase", PhaseText(server.Phase));
            EditorGUILayout.LabelField("Endpoint", server.Endpoint);
            EditorGUILayout.LabelField("Client", server.Client ?? "none");
            EditorGUILayout.LabelField("Requests answered", server.Answered.ToString());
            EditorGUILayout.LabelField("Graphics", GymServerBehaviour.GraphicsDevice ?? "none: images are refused with NO_GRAPHICS");
            if (server.LastError != null)
            {
                EditorGUILayout.HelpBox(server.LastError, MessageType.Error);
            }
        }

        private static string PhaseText(GymPhase phase)
        {
            switch (phase)
            {
                case GymPhase.WaitingForClient:
                    return "waiting for a trainer";
                case GymPhase.InSession:
                    return "in session";
                case GymPhase.Failed:
                    return "failed";
                default:
                    return "stopped";
            }
        }

        private void DrawManual(GymServerBehaviour server)
        {
            var definition = server.Definition;
            if (definition == null)
            {
                return;
            }
            EditorGUILayout.Space();
            EditorGUILayout.LabelField("By hand", EditorStyles.boldLabel);
            if (definition.SingleEnvironment)
            {
                EditorGUILayout.HelpBox($"{definition.Name} has one environment, which belongs to the client: there is no second one to reset and step by hand.", MessageType.Info);
            }
            else
            {
                DrawControls(server, definition);
            }
            // Until somebody steps a room by hand, this is the first environment's, as the trainer steps it.
            DrawRoom((server.ByHand as RoomsEnvironment)?.World ?? server.ShownArea?.World);
        }

        private void DrawControls(GymServerBehaviour server, EnvironmentDefinition definition)
        {
            seed = Math.Max(0, EditorGUILayout.LongField("Seed", seed));
            if (GUILayout.Button("Reset") && server.Manual() is IEnvironment fresh)
            {
                fresh.Reset(seed, WireValue.EmptyMap);
                server.RenderManual();
                outcome = $"reset with seed {seed}";
            }
            DrawAction(definition.Action);
            if (GUILayout.Button("Step"))
            {
                Step(server, definition.Action);
            }
            EditorGUILayout.LabelField("Outcome", outcome);
        }

        private void DrawAction(TensorSpec spec)
        {
            if (action.Length != spec.Elements)
            {
                action = new float[spec.Elements];
            }
            for (var i = 0; i < action.Length; i++)
            {
                var name = spec.Names == null ? $"{spec.Uid}[{i}]" : spec.Names[i];
                var low = (float)Math.Max(spec.LowOf(i), -1e6);
                var high = (float)Math.Min(spec.HighOf(i), 1e6);
                action[i] = EditorGUILayout.Slider(name, action[i], low, high);
            }
        }

        private void Step(GymServerBehaviour server, TensorSpec spec)
        {
            if (!(server.ByHand is IEnvironment environment))
            {
                outcome = "reset it first";
                return;
            }
            if (spec.DType != DType.Float32)
            {
                outcome = "only float32 actions can be stepped by hand";
                return;
            }
            var bytes = new byte[spec.Bytes];
            action.CopyTo(new TensorSpan(bytes).Float32);
            try
            {
                var step = environment.Step(new TensorSpan(bytes));
                outcome = $"reward {step.Reward}{(step.Terminated ? ", terminated" : "")}{(step.Truncated ? ", truncated" : "")}";
                server.RenderManual();
            }
            catch (InvalidOperationException error)
            {
                outcome = error.Message;
            }
        }

        private static void DrawRoom(RoomWorld? world)
        {
            if (world == null)
            {
                return;
            }
            var placed = world.LastStep;
            EditorGUILayout.LabelField("Placement", placed.Valid ? "valid" : $"invalid: {Resting.NameOf(placed.Reason)}");
            EditorGUILayout.LabelField("State hash", world.Hash.ToString("x16"));
            foreach (var caption in Captions.Of(world))
            {
                EditorGUILayout.LabelField(caption);
            }
        }

        private static void DrawPicture(GymServerBehaviour server)
        {
            var area = server.ShownArea;
            if (area == null)
            {
                return;
            }
            EditorGUILayout.Space();
            EditorGUILayout.LabelField("Last image", EditorStyles.boldLabel);
            var place = GUILayoutUtility.GetRect(256f, 256f, GUILayout.ExpandWidth(false));
            EditorGUI.DrawPreviewTexture(place, area.Image);
            if (area.World != null && GUILayout.Button("Compare with the physics engine"))
            {
                var found = area.CompareWithPhysics();
                Debug.Log(found.Count == 0 ? "RLS3: the physics engine agrees" : "RLS3: " + string.Join("\n", found));
            }
        }

        private static void DrawLog(GymServerBehaviour server)
        {
            IReadOnlyList<string> lines = server.LogTail;
            if (lines.Count == 0)
            {
                return;
            }
            EditorGUILayout.Space();
            EditorGUILayout.LabelField("Log", EditorStyles.boldLabel);
            EditorGUILayout.TextArea(string.Join("\n", lines));
        }
    }
}
