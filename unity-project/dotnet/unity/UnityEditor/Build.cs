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

    public enum ScriptingImplementation
    {
        Mono2x = 0,
    }

    public struct BuildPlayerOptions
    {
        public string[] scenes { get; set; }
        public string locationPathName { get; set; }
        public BuildTargetGroup targetGroup { get; set; }
        public BuildTarget target { get; set; }
        public BuildOptions options { get; set; }
    }

    public class BuildPipeline
    {
        public static Build.Reporting.BuildReport BuildPlayer(BuildPlayerOptions buildPlayerOptions) => throw null;
    }

    public sealed class PlayerSettings : UnityEngine.Object
    {
        internal PlayerSettings() => throw null;
        public static bool runInBackground { get => throw null; set => throw null; }
        public static void SetScriptingBackend(Build.NamedBuildTarget buildTarget, ScriptingImplementation backend) => throw null;
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
        public BuildResult result => throw null;
        public int totalErrors => throw null;
    }

    public sealed class BuildReport : UnityEngine.Object
    {
        internal BuildReport() => throw null;
        public BuildSummary summary => throw null;
    }
}
