namespace UnityEngine
{
    public enum LogType
    {
        Error = 0,
    }

    public class Application
    {
        public delegate void LogCallback(string condition, string stackTrace, LogType type);

        public static event LogCallback logMessageReceivedThreaded;
        public static string dataPath => throw null;
        public static string streamingAssetsPath => throw null;
        public static string unityVersion => throw null;
        public static bool isBatchMode => throw null;
        public static bool isEditor => throw null;
        public static bool runInBackground { get => throw null; set => throw null; }
        public static void Quit(int exitCode) => throw null;
    }

    public class Debug
    {
        public static void Log(object message) => throw null;
        public static void LogError(object message) => throw null;
    }

    public sealed class Resources
    {
        public static T Load<T>(string path) where T : Object => throw null;
    }

    public sealed class SystemInfo
    {
        public static Rendering.GraphicsDeviceType graphicsDeviceType => throw null;
        public static string graphicsDeviceName => throw null;
        public static bool supportsAsyncGPUReadback => throw null;
    }

    public sealed class QualitySettings : Object
    {
        internal QualitySettings() => throw null;
        public static int vSyncCount { get => throw null; set => throw null; }
        public static Rendering.RenderPipelineAsset renderPipeline { get => throw null; set => throw null; }
    }
}
