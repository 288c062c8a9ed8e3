using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using UnityEngine;

namespace UnityEditor
{
    public enum BuildTarget
    {
        StandaloneOSX = 2,
        StandaloneWindows64 = 19,
        StandaloneLinux64 = 24,
    }

    public enum BuildTargetGroup
    {
        Standalone = 1,
    }

    [Flags]
    public enum BuildOptions
    {
        None = 0,
    }

    public enum StandaloneBuildSubtarget
    {
        Server = 1,
    }

    public enum ScriptingImplementation
    {
        Mono2x = 0,
        IL2CPP = 1,
    }

    public struct BuildPlayerOptions
    {
        public string[] scenes { get; set; }
        public string locationPathName { get; set; }
        public BuildTargetGroup targetGroup { get; set; }
        public BuildTarget target { get; set; }
        public int subtarget { get; set; }
        public BuildOptions options { get; set; }
    }

    public class BuildPipeline
    {
        // Source Editor/Mono/BuildPipeline/BuildPipelineInterfaces.cs, PreparePlayerBuild: the same for whoever builds.
        public static Build.Reporting.BuildReport BuildPlayer(BuildPlayerOptions buildPlayerOptions)
        {
            var context = new Build.BuildPlayerContext(buildPlayerOptions);
            foreach (var processor in Build.BuildPlayerProcessor.All())
            {
                processor.PrepareForBuild(context);
            }
            context.RequireNoneOf(Application.streamingAssetsPath);
            // Source Editor/Mono/BuildPipeline.bindings.cs, BuildPlayerInternal: of the standalone targets it stays the active one.
            EditorUserBuildSettings.standaloneBuildSubtarget = (StandaloneBuildSubtarget)buildPlayerOptions.subtarget;
            return new Build.Reporting.BuildReport(Builder(buildPlayerOptions, context.StreamingAssets));
        }

        /// <summary>What a build does with its options and the files for StreamingAssets (target and source of each); returns its errors.</summary>
        internal static Func<BuildPlayerOptions, IReadOnlyDictionary<string, string>, int> Builder { get; set; } = (_, _) => 1;
    }

    public class EditorUserBuildSettings : UnityEngine.Object
    {
        internal EditorUserBuildSettings() => throw null;

        public static StandaloneBuildSubtarget standaloneBuildSubtarget { get; set; }
    }

    public class EditorBuildSettingsScene
    {
        public EditorBuildSettingsScene(string path, bool enabled)
        {
            this.path = path;
            this.enabled = enabled;
        }

        public bool enabled { get; set; }

        public string path { get; set; }

        // Source Editor/Mono/EditorBuildSettings.bindings.cs.
        public static string[] GetActiveSceneList(EditorBuildSettingsScene[] scenes) =>
            scenes.Where(scene => scene.enabled && !string.IsNullOrEmpty(scene.path)).Select(scene => scene.path).ToArray();
    }

    public class EditorBuildSettings : UnityEngine.Object
    {
        internal EditorBuildSettings() => throw null;

        public static EditorBuildSettingsScene[] scenes { get; set; } = Array.Empty<EditorBuildSettingsScene>();
    }

    public sealed class PlayerSettings : UnityEngine.Object
    {
        private static ScriptingImplementation scripting;

        internal PlayerSettings() => throw null;
        public static bool runInBackground { get; set; }
        public static ScriptingImplementation GetScriptingBackend(Build.NamedBuildTarget buildTarget) => scripting;
        public static void SetScriptingBackend(Build.NamedBuildTarget buildTarget, ScriptingImplementation backend) => scripting = backend;
    }
}

namespace UnityEditor.PackageManager
{
    public sealed class PackageInfo
    {
        internal PackageInfo(string path) => resolvedPath = path;

        public string resolvedPath { get; }

        // Source Modules/PackageManager/Editor/Managed/PackageInfo.cs: null for an assembly that belongs to no package.
        public static PackageInfo FindForAssembly(System.Reflection.Assembly assembly)
        {
            var path = UnityEngine.StandIn.Player.Options.PackagePath;
            return path == null ? null : new PackageInfo(path);
        }
    }
}

namespace UnityEditor.Build
{
    public interface IOrderedCallback
    {
        int callbackOrder { get; }
    }

    public abstract class BuildPlayerProcessor : IOrderedCallback
    {
        public virtual int callbackOrder => 0;

        public abstract void PrepareForBuild(BuildPlayerContext buildPlayerContext);

        internal static IEnumerable<BuildPlayerProcessor> All() => AppDomain.CurrentDomain.GetAssemblies()
            .Where(assembly => assembly.GetReferencedAssemblies().Any(name => name.Name == "UnityEditor"))
            .SelectMany(assembly => assembly.GetTypes()).Where(type => type.IsSubclassOf(typeof(BuildPlayerProcessor)))
            .Select(type => (BuildPlayerProcessor)Activator.CreateInstance(type)).OrderBy(processor => processor.callbackOrder);
    }

    // Source Editor/Mono/BuildPipeline/BuildPlayerContext.cs.
    public sealed class BuildPlayerContext
    {
        private readonly Dictionary<string, string> files = new Dictionary<string, string>();

        internal BuildPlayerContext(BuildPlayerOptions options) => BuildPlayerOptions = options;

        public BuildPlayerOptions BuildPlayerOptions { get; }

        internal IReadOnlyDictionary<string, string> StreamingAssets => files;

        public void AddAdditionalPathToStreamingAssets(string directoryOrFile, string pathInStreamingAssets = null)
        {
            if (!File.Exists(directoryOrFile))
            {
                throw Directory.Exists(directoryOrFile)
                    ? (Exception)new NotSupportedException("the stand-in takes one file at a time")
                    : new FileNotFoundException("No such file or directory.", directoryOrFile);
            }
            files.Add(pathInStreamingAssets ?? Path.GetFileName(directoryOrFile), directoryOrFile);
        }

        // ScriptReference BuildPlayerContext.AddAdditionalPathToStreamingAssets: a file that the project also has ends the build.
        internal void RequireNoneOf(string project)
        {
            foreach (var path in files.Keys.Where(path => File.Exists(Path.Combine(project, path))))
            {
                throw new InvalidOperationException($"StreamingAssets has {path} already");
            }
        }
    }

    public class BuildFailedException : Exception
    {
        public BuildFailedException(string message)
            : base(message)
        {
        }
    }

    public struct NamedBuildTarget
    {
        public static readonly NamedBuildTarget Standalone;
    }
}

namespace UnityEditor.Build.Reporting
{
    public enum BuildResult
    {
        Succeeded = 1,
    }

    public struct BuildSummary
    {
        public BuildResult result => totalErrors == 0 ? BuildResult.Succeeded : (BuildResult)2;
        public int totalErrors { get; internal set; }
    }

    public sealed class BuildReport : UnityEngine.Object
    {
        internal BuildReport(int errors)
        {
            BuiltIn = true;
            summary = new BuildSummary { totalErrors = errors };
        }

        public BuildSummary summary { get; }
    }
}
