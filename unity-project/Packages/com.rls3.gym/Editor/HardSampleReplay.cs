#nullable enable
using System;
using System.Collections.Generic;
using System.IO;
using Rls3.Gym.Core;
using Rls3.Gym.Engine;
using UnityEditor;
using UnityEngine;

namespace Rls3.Gym.Editor
{
    /// <summary>Shows a sample that a run recorded (a line of its samples/NNNN.jsonl) in the room that is stepped by hand.</summary>
    internal sealed class HardSampleReplay
    {
        private readonly List<WireValue> samples = new List<WireValue>();
        private string file = "";
        private string problem = "";
        private int shown;

        public void Draw(GymServerBehaviour server)
        {
            EditorGUILayout.Space();
            EditorGUILayout.LabelField("Recorded samples", EditorStyles.boldLabel);
            if (GUILayout.Button("Open a run's samples…"))
            {
                // After this event: a file panel that opens inside a layout group breaks the window's layout.
                EditorApplication.delayCall += () => Load(EditorUtility.OpenFilePanel("Samples of a run", "", "jsonl"));
            }
            if (problem.Length > 0)
            {
                EditorGUILayout.HelpBox(problem, MessageType.Warning);
            }
            if (samples.Count == 0)
            {
                return;
            }
            shown = EditorGUILayout.IntSlider($"Sample of {Path.GetFileName(file)}, hardest first", shown, 0, samples.Count - 1);
            var sample = samples[shown];
            EditorGUILayout.LabelField("Hardness", $"{Number(sample, "hardness")}, score {Number(sample, "score")}");
            var captions = sample.Get("captions")?.Items ?? Array.Empty<WireValue>();
            if (captions.Count == 0)
            {
                EditorGUILayout.LabelField("No questions: the heights of the bases contradict the vertical term of every pair");
            }
            foreach (var caption in captions)
            {
                EditorGUILayout.LabelField(caption.Get("right")?.Text ?? "", $"margin {Number(caption, "margin")}");
            }
            if (GUILayout.Button("Show") && server.Manual() is RoomsEnvironment rooms)
            {
                Show(server, rooms.World, sample);
            }
        }

        private void Show(GymServerBehaviour server, RoomWorld world, WireValue sample)
        {
            try
            {
                world.Restore(SampleReader.Scene(world.Catalog, sample), SampleReader.Objects(world.Catalog, sample));
                problem = "";
                server.RenderManual();
            }
            catch (Exception error) when (error is FormatException || error is ArgumentException)
            {
                problem = $"sample {shown}: {error.Message}";
            }
        }

        private void Load(string chosen)
        {
            if (string.IsNullOrEmpty(chosen))
            {
                return;
            }
            file = chosen;
            shown = 0;
            samples.Clear();
            try
            {
                foreach (var line in File.ReadAllLines(chosen))
                {
                    samples.Add(JsonReader.Parse(line));
                }
                samples.Sort((a, b) => Hardness(b).CompareTo(Hardness(a)));
                problem = "";
            }
            catch (Exception error) when (error is IOException || error is FormatException)
            {
                problem = $"{chosen}: {error.Message}";
            }
        }

        private static double Hardness(WireValue sample) => sample.Get("hardness")?.Number ?? 0;

        private static string Number(WireValue map, string key)
        {
            var value = map.Get(key);
            // S is null if no question was about the moved object.
            return value == null || value.IsNil ? "none" : value.Number.ToString("0.000");
        }
    }
}
