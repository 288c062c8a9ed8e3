using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Threading;
using UnityEngine.Rendering;

[assembly: InternalsVisibleTo("Rls3.Gym.Unity.Tests")]
[assembly: InternalsVisibleTo("rls3-gym-stand-in")]
[assembly: InternalsVisibleTo("UnityEditor")]
[assembly: InternalsVisibleTo("Unity.RenderPipelines.Universal.Runtime")]

namespace UnityEngine.StandIn
{
    /// <summary>What the stand-in pretends to be.</summary>
    internal sealed class PlayerOptions
    {
        /// <summary>The Editor, and not a player.</summary>
        public bool Editor { get; set; } = true;

        /// <summary>In Play; the Editor alone may be out of it.</summary>
        public bool Play { get; set; } = true;

        public bool BatchMode { get; set; }

        /// <summary>False: -nographics.</summary>
        public bool Graphics { get; set; } = true;

        public bool AsyncReadback { get; set; } = true;

        /// <summary>A scriptable render pipeline (URP); else the built-in one.</summary>
        public bool Scriptable { get; set; } = true;

        /// <summary>URP's Depth Priming: depth is drawn first, and colours only where they lie at that depth.</summary>
        public bool DepthPriming { get; set; }

        /// <summary>The project's colour space is Linear; else Gamma.</summary>
        public bool Linear { get; set; }

        public string DataPath { get; set; } = "";

        public string StreamingAssetsPath { get; set; } = "";

        /// <summary>Where the Package Manager installed the package; null if it lies in Assets and is no package.</summary>
        public string PackagePath { get; set; }

        /// <summary>The package's folder Resources.</summary>
        public string Resources { get; set; } = "";
    }

    /// <summary>A line of the log.</summary>
    internal readonly struct LogLine
    {
        public LogLine(LogType type, string message)
        {
            Type = type;
            Message = message;
        }

        public LogType Type { get; }

        public string Message { get; }

        public bool IsError => Type == LogType.Error || Type == LogType.Exception;

        public override string ToString() => $"{Type}: {Message}";
    }

    /// <summary>
    /// Plays frames: the engine's side of every object, one at a time in a process. Whoever calls <see cref="Start"/> is the
    /// main thread. Each rule names the manual's page (ScriptReference, Manual) or the file of Unity's published source.
    /// </summary>
    internal static class Player
    {
        private static readonly Dictionary<(Type Type, string Message), MethodInfo> Receivers = new Dictionary<(Type, string), MethodInfo>();
        private static readonly List<Object> Living = new List<Object>();
        private static readonly List<Object> Doomed = new List<Object>();
        private static readonly List<LogLine> Lines = new List<LogLine>();
        private static Thread main;
        private static int constructing;

        public static PlayerOptions Options { get; private set; } = new PlayerOptions();

        public static bool Playing => !Options.Editor || Options.Play;

        public static int? ExitCode { get; set; }

        public static bool RunInBackground { get; set; }

        public static int VSyncCount { get; set; }

        /// <summary>The Game view said "No cameras rendering" in the last frame.</summary>
        public static bool NothingOnDisplay { get; private set; }

        public static IReadOnlyList<LogLine> Log
        {
            get
            {
                lock (Lines)
                {
                    return Lines.ToArray();
                }
            }
        }

        public static IEnumerable<LogLine> Errors => Log.Where(line => line.IsError);

        public static void Start(PlayerOptions options)
        {
            if (main != null)
            {
                throw new InvalidOperationException("the stand-in plays already");
            }
            main = Thread.CurrentThread;
            Options = options;
            ExitCode = null;
            RunInBackground = false;
            // ScriptReference QualitySettings.vSyncCount and Physics.simulationMode: what a new project has.
            VSyncCount = 1;
            Physics.Forget();
            Rasteriser.Forget();
            lock (Lines)
            {
                Lines.Clear();
            }
        }

        /// <summary>What Unity does with an assembly before the first scene (ScriptReference RuntimeInitializeOnLoadMethodAttribute).</summary>
        public static void Load(Assembly assembly)
        {
            const BindingFlags any = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
            foreach (var method in assembly.GetTypes().SelectMany(type => type.GetMethods(any)).Where(method => method.IsDefined(typeof(RuntimeInitializeOnLoadMethodAttribute))))
            {
                method.Invoke(null, null);
            }
        }

        /// <summary>One frame, in the order of the manual's page "Order of execution for event functions".</summary>
        public static void Frame()
        {
            var scripts = Scripts();
            foreach (var script in scripts.Where(script => script.Runs && !script.Started))
            {
                script.Started = true;
                Send(script, "Start");
            }
            SendRunning(scripts, "Update");
            SendRunning(scripts, "LateUpdate");
            EndDoomed();
            NothingOnDisplay = true;
            foreach (var camera in All<Camera>().Where(camera => camera.Runs).ToArray())
            {
                NothingOnDisplay &= camera.targetTexture != null;
                camera.Draw(camera.targetTexture);
            }
            Readbacks.Advance();
        }

        /// <summary>The end of Play or of a player: destroys every object and reports what is left over.</summary>
        public static void Quit()
        {
            // Manual, same page: OnApplicationQuit on all game objects, then OnDisable and OnDestroy.
            SendRunning(Scripts(), "OnApplicationQuit");
            EndDoomed();
            foreach (var left in All<GameObject>().ToArray())
            {
                left.End();
            }
            EndDoomed();
            ReportLeaks();
            if (Application.Heard)
            {
                Say(LogType.Error, "a delegate still listens to Application.logMessageReceivedThreaded");
            }
            Living.RemoveAll(one => !one.BuiltIn);
            Readbacks.Forget();
            main = null;
        }

        /// <summary>Living objects of a type, in the order in which they were made.</summary>
        public static IEnumerable<T> All<T>()
            where T : Object => Living.OfType<T>().Where(one => !one.BuiltIn);

        public static void Say(LogType type, object message)
        {
            var text = message?.ToString() ?? "Null";
            lock (Lines)
            {
                Lines.Add(new LogLine(type, text));
            }
            Application.Say(text, type);
        }

        /// <summary>
        /// Passes a value on if the engine may be called at all. Manual "Overview of .NET in Unity", Limitations: its API is
        /// for the main thread only. Manual "Script serialization errors": a script's constructor may not use it either.
        /// </summary>
        public static T Ask<T>(T value, [CallerMemberName] string member = "")
        {
            if (main == null)
            {
                throw new InvalidOperationException($"{member} was called while nothing plays: the stand-in's Start comes first");
            }
            if (Thread.CurrentThread != main)
            {
                throw new UnityException($"{member} can only be called from the main thread.");
            }
            return constructing == 0 ? value : throw new UnityException($"{member} is not allowed to be called from a MonoBehaviour constructor (or instance field initializer), call it in Awake or Start instead.");
        }

        public static void Made(Object made)
        {
            // The engine's constructor of a script does not count as a call by the script.
            if (!(made is MonoBehaviour))
            {
                Ask(made);
            }
            Living.Add(made);
        }

        public static void Ended(Object ended) => Living.Remove(ended);

        public static void DestroyLater(Object doomed) => Doomed.Add(doomed);

        public static T Construct<T>()
            where T : Component
        {
            var script = typeof(MonoBehaviour).IsAssignableFrom(typeof(T)) ? 1 : 0;
            constructing += script;
            try
            {
                return (T)Activator.CreateInstance(typeof(T), true);
            }
            catch (TargetInvocationException error) when (error.InnerException != null)
            {
                throw error.InnerException;
            }
            finally
            {
                constructing -= script;
            }
        }

        /// <summary>
        /// Calls a message of a script, private or not, in the most derived class that declares it; a private one of its base is not
        /// called (ScriptReference MonoBehaviour). An exception is logged, and the frame continues.
        /// </summary>
        public static void Send(MonoBehaviour script, string message)
        {
            try
            {
                Receiver(script.GetType(), message)?.Invoke(script, null);
            }
            catch (TargetInvocationException error)
            {
                Say(LogType.Exception, $"{error.InnerException?.GetType().Name}: {error.InnerException?.Message}\n{error.InnerException?.StackTrace}");
            }
        }

        private static MethodInfo Receiver(Type type, string message)
        {
            if (!Receivers.TryGetValue((type, message), out var found))
            {
                const BindingFlags own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
                for (var at = type; found == null && at != typeof(MonoBehaviour); at = at.BaseType)
                {
                    found = at.GetMethod(message, own, null, Type.EmptyTypes, null);
                }
                Receivers[(type, message)] = found;
            }
            return found;
        }

        private static void SendRunning(MonoBehaviour[] scripts, string message)
        {
            foreach (var script in scripts.Where(script => script.Runs))
            {
                Send(script, message);
            }
        }

        // ScriptReference DefaultExecutionOrder: lower ones first. None runs outside Play.
        private static MonoBehaviour[] Scripts() => !Playing
            ? Array.Empty<MonoBehaviour>()
            : All<MonoBehaviour>().OrderBy(script => script.GetType().GetCustomAttribute<DefaultExecutionOrder>()?.Order ?? 0).ToArray();

        private static void EndDoomed()
        {
            for (var at = 0; at < Doomed.Count; at++)
            {
                Doomed[at].End();
            }
            Doomed.Clear();
        }

        // Manual "Mesh", ScriptReference RenderTexture.Release, Object.Destroy: nobody collects what a script made with new.
        private static void ReportLeaks()
        {
            foreach (var kind in Living.Where(one => !one.BuiltIn).GroupBy(one => one.GetType().Name))
            {
                Say(LogType.Error, $"Cleaning up leaked objects in scene since no game object, component or manager is referencing them: {kind.Key}, {kind.Count()}");
            }
            if (Unity.Collections.NativeMemory.Held > 0)
            {
                Say(LogType.Error, $"A Native Collection has not been disposed, resulting in a memory leak: {Unity.Collections.NativeMemory.Held}");
                Unity.Collections.NativeMemory.Held = 0;
            }
        }
    }
}
