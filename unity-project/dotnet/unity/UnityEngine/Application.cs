using System;
using UnityEngine.StandIn;

namespace UnityEngine
{
    public enum LogType
    {
        Error = 0,
        Warning = 2,
        Log = 3,
        Exception = 4,
    }

    // Source Runtime/Export/Application/Application.bindings.cs: what is marked IsThreadSafe there asks for no thread here.
    public class Application
    {
        public delegate void LogCallback(string condition, string stackTrace, LogType type);

        public static event LogCallback logMessageReceivedThreaded;

        public static string dataPath => Player.Options.DataPath;

        public static string streamingAssetsPath => Player.Options.StreamingAssetsPath;

        public static string unityVersion => "0.0.0-stand-in";

        public static bool isBatchMode => Player.Ask(Player.Options.BatchMode);

        public static bool isEditor => Player.Options.Editor;

        public static bool isPlaying => Player.Playing;

        public static bool runInBackground { get => Player.Ask(Player.RunInBackground); set => Player.RunInBackground = Player.Ask(value); }

        // ScriptReference Application.Quit: ignored in the Editor; a player goes on to the end of its frame.
        public static void Quit(int exitCode)
        {
            Player.Ask(exitCode);
            if (!Player.Options.Editor)
            {
                Player.ExitCode ??= exitCode;
            }
        }

        internal static void Say(string message, LogType type) => logMessageReceivedThreaded?.Invoke(message, "", type);

        internal static bool Heard => logMessageReceivedThreaded != null;
    }

    // Source Runtime/Export/Debug/Debug.bindings.cs: any thread may log.
    public class Debug
    {
        public static void Log(object message) => Player.Say(LogType.Log, message);
        public static void LogWarning(object message) => Player.Say(LogType.Warning, message);
        public static void LogError(object message) => Player.Say(LogType.Error, message);
    }

    public sealed class Resources
    {
        // ScriptReference Resources.Load: null if there is none.
        public static T Load<T>(string path) where T : Object => Player.Ask(ShaderFile.Load(path)) as T;
    }

    public sealed class SystemInfo
    {
        public static Rendering.GraphicsDeviceType graphicsDeviceType => Player.Options.Graphics ? StandInDevice : Rendering.GraphicsDeviceType.Null;
        public static string graphicsDeviceName => "software stand-in";
        public static bool supportsAsyncGPUReadback => Player.Options.AsyncReadback;

        // Any device but Null: the rasteriser keeps OpenGL's order of rows, which Unity's readback has everywhere.
        private const Rendering.GraphicsDeviceType StandInDevice = (Rendering.GraphicsDeviceType)17;
    }

    public sealed class QualitySettings : Object
    {
        internal QualitySettings() => throw new NotSupportedException();

        public static ColorSpace activeColorSpace => Player.Ask(Player.Options.Linear) ? ColorSpace.Linear : default;

        public static int vSyncCount { get => Player.Ask(Player.VSyncCount); set => Player.VSyncCount = Player.Ask(value); }

        public static Rendering.RenderPipelineAsset renderPipeline { get; set; }
    }
}
