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
    /// Builds players from the scenes of the build settings, from the menu or without a window. File → Build works too; this one
    /// never builds a dedicated server, which draws nothing, and uses Mono, which needs no compiler for the target.
    /// Unity -batchmode -quit -projectPath unity-project -executeMethod Rls3.Gym.Editor.GymBuild.Linux [-gymOutput FOLDER]
    /// </summary>
    public static class GymBuild
    {
        private const string OutputArgument = "-gymOutput";

        [MenuItem("RLS3/Build/Linux")]
        public static void Linux() => Build(BuildTarget.StandaloneLinux64, "rooms.x86_64");

        [MenuItem("RLS3/Build/Windows")]
        public static void Windows() => Build(BuildTarget.StandaloneWindows64, "rooms.exe");

        [MenuItem("RLS3/Build/macOS")]
        public static void MacOS() => Build(BuildTarget.StandaloneOSX, "rooms.app");

        private static void Build(BuildTarget target, string name)
        {
            var scenes = EditorBuildSettingsScene.GetActiveSceneList(EditorBuildSettings.scenes);
            if (scenes.Length == 0)
            {
                throw new InvalidOperationException("RLS3: nothing was built: the build settings have no scene. Open the one with Gym Server, then File → Build Settings → Add Open Scenes");
            }
            var output = Path.Combine(OutputFolder(), target.ToString(), name);
            BuildReport? report;
            using (new BuildSettings())
            {
                report = BuildPipeline.BuildPlayer(new BuildPlayerOptions
                {
                    scenes = scenes,
                    locationPathName = output,
                    target = target,
                    targetGroup = BuildTargetGroup.Standalone,
                    subtarget = PlayerOf(typeof(StandaloneBuildSubtarget)),
                    options = BuildOptions.None,
                });
            }
            // After the settings are restored, because a failure may end the Editor here.
            Report(report, output);
        }

        private static void Report(BuildReport? report, string output)
        {
            if (report != null && report.summary.result == BuildResult.Succeeded)
            {
                Debug.Log($"RLS3: built {output}; train with: rls3 train --env {output}");
                return;
            }
            // If Unity 6 can't build with the options, it logs that and returns no report.
            Debug.LogError(report == null ? $"RLS3: {output} was not built; the error above says why" : $"RLS3: the build of {output} {report.summary.result} with {report.summary.totalErrors} errors");
            if (Application.isBatchMode)
            {
                EditorApplication.Exit(1);
            }
        }

        // By name: its number is 0 in 2022.3 and 2 in Unity 6, where 0 means the active one.
        internal static int PlayerOf(Type subtargets) => Enum.IsDefined(subtargets, "Player") ? (int)Enum.Parse(subtargets, "Player") : 0;

        private static string OutputFolder()
        {
            var args = Environment.GetCommandLineArgs();
            var at = Array.IndexOf(args, OutputArgument);
            return at >= 0 && at + 1 < args.Length ? Path.GetFullPath(args[at + 1]) : Path.GetFullPath(Path.Combine(Application.dataPath, "..", "Build"));
        }

        /// <summary>The project's own settings, restored after the build.</summary>
        private sealed class BuildSettings : IDisposable
        {
            private readonly ScriptingImplementation backend = PlayerSettings.GetScriptingBackend(NamedBuildTarget.Standalone);
            private readonly bool background = PlayerSettings.runInBackground;
            private readonly StandaloneBuildSubtarget active = EditorUserBuildSettings.standaloneBuildSubtarget;

            public BuildSettings()
            {
                // IL2CPP works too, since nothing here generates code at run time.
                PlayerSettings.SetScriptingBackend(NamedBuildTarget.Standalone, ScriptingImplementation.Mono2x);
                PlayerSettings.runInBackground = true;
            }

            public void Dispose()
            {
                PlayerSettings.SetScriptingBackend(NamedBuildTarget.Standalone, backend);
                PlayerSettings.runInBackground = background;
                // A build makes its own subtarget the active one.
                if (EditorUserBuildSettings.standaloneBuildSubtarget != active)
                {
                    EditorUserBuildSettings.standaloneBuildSubtarget = active;
                }
            }
        }
    }
}
