#nullable enable
using System;
using System.Collections.Generic;
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

        [MenuItem("RLS3/Build/Linux")]
        public static void Linux() => Build(BuildTarget.StandaloneLinux64, "rooms.x86_64");

        [MenuItem("RLS3/Build/Windows")]
        public static void Windows() => Build(BuildTarget.StandaloneWindows64, "rooms.exe");

        [MenuItem("RLS3/Build/macOS")]
        public static void MacOS() => Build(BuildTarget.StandaloneOSX, "rooms.app");

        private static void Build(BuildTarget target, string name)
        {
            var output = Path.Combine(OutputFolder(), target.ToString(), name);
            BuildReport report;
            using (new BuildSettings())
            using (new StreamingCatalog())
            {
                report = BuildPipeline.BuildPlayer(new BuildPlayerOptions
                {
                    scenes = new[] { BootstrapScene },
                    locationPathName = output,
                    target = target,
                    targetGroup = BuildTargetGroup.Standalone,
                    subtarget = PlayerSubtarget(),
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

        // By name, since its number changed in Unity 6. A dedicated server, which may be the active one, draws nothing.
        private static int PlayerSubtarget() => Enum.TryParse<StandaloneBuildSubtarget>("Player", out var player) ? (int)player : 0;

        private static string OutputFolder()
        {
            var args = Environment.GetCommandLineArgs();
            var at = Array.IndexOf(args, OutputArgument);
            return at >= 0 && at + 1 < args.Length ? Path.GetFullPath(args[at + 1]) : Path.GetFullPath(Path.Combine(Application.dataPath, "..", "Build"));
        }

        /// <summary>The project's own player settings, put back after the build.</summary>
        private sealed class BuildSettings : IDisposable
        {
            private readonly ScriptingImplementation backend = PlayerSettings.GetScriptingBackend(NamedBuildTarget.Standalone);
            private readonly bool background = PlayerSettings.runInBackground;

            public BuildSettings()
            {
                // Mono: it needs no compiler for the target. IL2CPP works too, since nothing here generates code at run time.
                PlayerSettings.SetScriptingBackend(NamedBuildTarget.Standalone, ScriptingImplementation.Mono2x);
                PlayerSettings.runInBackground = true;
            }

            public void Dispose()
            {
                PlayerSettings.SetScriptingBackend(NamedBuildTarget.Standalone, backend);
                PlayerSettings.runInBackground = background;
            }
        }

        /// <summary>
        /// The catalogs in StreamingAssets while a player is built: the project has them once. Files that are there already
        /// are the user's, and stay as they are.
        /// </summary>
        private sealed class StreamingCatalog : IDisposable
        {
            private const string Asset = "Assets/StreamingAssets/catalog";

            private readonly List<string> copied = new List<string>();
            private readonly bool hadFolder;
            private readonly bool hadParent;

            public StreamingCatalog()
            {
                // All that may be missing first: nothing is made for a build that can't be.
                Require(File.Exists(In(BootstrapScene)), $"the scene {BootstrapScene} is missing; it is part of the project unity-project");
                var source = In("catalog");
                var files = Directory.Exists(source) ? Directory.GetFiles(source, "*.json") : Array.Empty<string>();
                Require(files.Length > 0, $"the folder {source} is missing or has no catalogs (*.json); it is part of the project unity-project");
                var folder = Path.Combine(Application.streamingAssetsPath, "catalog");
                hadParent = Directory.Exists(Application.streamingAssetsPath);
                hadFolder = Directory.Exists(folder);
                try
                {
                    Directory.CreateDirectory(folder);
                    foreach (var file in files)
                    {
                        Copy(file, folder);
                    }
                    AssetDatabase.Refresh();
                }
                catch
                {
                    // Nobody disposes what was never constructed: the next build would take the copies for the user's own.
                    Dispose();
                    throw;
                }
            }

            public void Dispose()
            {
                foreach (var name in copied)
                {
                    AssetDatabase.DeleteAsset($"{Asset}/{name}");
                }
                if (!hadFolder)
                {
                    AssetDatabase.DeleteAsset(Asset);
                }
                if (!hadParent)
                {
                    AssetDatabase.DeleteAsset("Assets/StreamingAssets");
                }
                AssetDatabase.Refresh();
            }

            private void Copy(string file, string folder)
            {
                var name = Path.GetFileName(file);
                var place = Path.Combine(folder, name);
                if (!File.Exists(place))
                {
                    // Known before it is there: half a copy has to go too.
                    copied.Add(name);
                    File.Copy(file, place);
                }
                else if (File.ReadAllText(place) != File.ReadAllText(file))
                {
                    Debug.Log($"RLS3: the build keeps your own {Asset}/{name}, which differs from {file}; delete it to build with that one");
                }
            }

            private static string In(string path) => Path.GetFullPath(Path.Combine(Application.dataPath, "..", path));

            private static void Require(bool there, string otherwise)
            {
                if (!there)
                {
                    throw new FileNotFoundException($"RLS3: nothing was built: {otherwise}");
                }
            }
        }
    }
}
