using System;

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
        public static Build.Reporting.BuildReport BuildPlayer(BuildPlayerOptions buildPlayerOptions) => new Build.Reporting.BuildReport(Builder(buildPlayerOptions));

        /// <summary>What a build does, and its errors.</summary>
        internal static Func<BuildPlayerOptions, int> Builder { get; set; } = _ => 1;
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

namespace UnityEditor.Build
{
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
