#nullable enable
using System;
using System.IO;
using UnityEditor;
using UnityEditor.Build;
using UnityEditor.Build.Reporting;
using UnityEngine;

namespace Rls3.Gym.Editor
{
    /// <summary>
    /// Builds players, from the menu or without a window:
    /// Unity -batchmode -quit -projectPath unity-project -executeMethod Rls3.Gym.Editor.GymBuild.Linux [-gymOutput FOLDER]
    /// </summary>
    public static class GymBuild
    {
        private const string OutputArgument = "-gymOutput";
        private const string BootstrapScene = "Assets/Scenes/Bootstrap.unity";

        /// <summary>Called before a build: what the Editor does a moment after it opened, -executeMethod comes too early for.</summary>
        public static event Action? Preparing;

        [MenuItem("RLS3/Build/Linux")]
        public static void Linux() => Build(BuildTarget.StandaloneLinux64, "rooms.x86_64");

        [MenuItem("RLS3/Build/Windows")]
        public static void Windows() => Build(BuildTarget.StandaloneWindows64, "rooms.exe");

        [MenuItem("RLS3/Build/macOS")]
        public static void MacOS() => Build(BuildTarget.StandaloneOSX, "rooms.app");

        private static void Build(BuildTarget target, string name)
        {
            var output = Path.Combine(OutputFolder(), target.ToString(), name);
            // Mono: it needs no compiler for the target. IL2CPP works too, since nothing here generates code at run time.
            PlayerSettings.SetScriptingBackend(NamedBuildTarget.Standalone, ScriptingImplementation.Mono2x);
            PlayerSettings.runInBackground = true;
            Preparing?.Invoke();
            BuildReport report;
            using (new StreamingCatalog())
            {
                report = BuildPipeline.BuildPlayer(new BuildPlayerOptions
                {
                    scenes = new[] { BootstrapScene },
                    locationPathName = output,
                    target = target,
                    targetGroup = BuildTargetGroup.Standalone,
                    options = BuildOptions.None,
                });
            }
            // After the catalogs are gone again: a failure may end the Editor here.
            Report(report, output);
        }

        private static void Report(BuildReport report, string output)
        {
            if (report.summary.result == BuildResult.Succeeded)
            {
                Debug.Log($"RLS3: built {output}; train with: rls3 train --env {output}");
                return;
            }
            var message = $"RLS3: the build of {output} {report.summary.result} with {report.summary.totalErrors} errors";
            Debug.LogError(message);
            if (Application.isBatchMode)
            {
                EditorApplication.Exit(1);
            }
        }

        private static string OutputFolder()
        {
            var args = Environment.GetCommandLineArgs();
            var at = Array.IndexOf(args, OutputArgument);
            return at >= 0 && at + 1 < args.Length ? Path.GetFullPath(args[at + 1]) : Path.GetFullPath(Path.Combine(Application.dataPath, "..", "Build"));
        }

        /// <summary>The catalogs in StreamingAssets while a player is built, and gone afterwards: the project has them once.</summary>
        private sealed class StreamingCatalog : IDisposable
        {
            private readonly string folder = Path.Combine(Application.streamingAssetsPath, "catalog");

            public StreamingCatalog()
            {
                Directory.CreateDirectory(folder);
                foreach (var file in Directory.GetFiles(Path.Combine(Application.dataPath, "..", "catalog"), "*.json"))
                {
                    File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), true);
                }
                AssetDatabase.Refresh();
            }

            public void Dispose()
            {
                AssetDatabase.DeleteAsset("Assets/StreamingAssets/catalog");
                AssetDatabase.Refresh();
            }
        }
    }
}
