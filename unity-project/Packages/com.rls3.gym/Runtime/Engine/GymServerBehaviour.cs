#nullable enable
using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using Rls3.Gym.Transport;
using UnityEngine;
using UnityEngine.Rendering;

namespace Rls3.Gym.Engine
{
    /// <summary>What a server is doing, for people.</summary>
    public enum GymPhase
    {
        Stopped,
        WaitingForClient,
        InSession,
        Failed,
    }

    /// <summary>
    /// The gym server in a Unity scene: rooms of a catalog, or an environment of your own (<see cref="CreateDefinition"/>).
    /// It stops and closes its sockets at the end of Play, before a domain reload and when the application quits. Unity calls a
    /// message only in the most derived class that has it: a subclass with an OnEnable, Update, OnDisable or OnApplicationQuit of
    /// its own overrides the one here and calls base.
    /// </summary>
    [DefaultExecutionOrder(-100)]
    [AddComponentMenu("RLS3/Gym Server")]
    public class GymServerBehaviour : MonoBehaviour
    {
        private const int LogLines = 30;
        private const float StepSeconds = 0.02f;

        /// <summary>How much of an Editor frame a client that steps without pause may take.</summary>
        private static readonly TimeSpan EditorStay = TimeSpan.FromMilliseconds(10);
        private static readonly TimeSpan PlayerStay = TimeSpan.FromMilliseconds(100);

        [SerializeField]
        private GymSettings settings = new GymSettings();

        private readonly GymAreas areas = new GymAreas();
        private MainThreadQueue? queue;
        private GymServer? server;
        private LogTail? log;
        private EnvironmentDefinition? definition;
        private IEnvironment? manual;

        // The inspector may change the settings while the server runs.
        private int envCount;
        private ProcessSettings? before;

        /// <summary>The server of this process; null if none runs.</summary>
        public static GymServerBehaviour? Current { get; private set; }

        /// <summary>How a render pipeline prepares each new camera; set by the pipeline's assembly.</summary>
        public static Action<Camera>? PrepareCamera { get; set; }

        public GymSettings Settings => settings;

        public string Endpoint => server?.Endpoint ?? settings.Endpoint;

        public string? LastError { get; private set; }

        public string? Client => server?.Client;

        public long Answered => server?.Answered ?? 0;

        public double TickAgeMs => queue?.TickAgeMs ?? 0;

        public EnvironmentDefinition? Definition => definition;

        /// <summary>The area of the room that is played with by hand, or of the first environment.</summary>
        public GymArea? ShownArea => areas.Of(manual == null ? 0 : envCount);

        public string[] LogTail => log?.Lines() ?? Array.Empty<string>();

        /// <summary>Null if nothing can be rendered: -nographics, or a null device. welcome says so; no client has to find out by a black frame.</summary>
        public static string? GraphicsDevice =>
            SystemInfo.graphicsDeviceType == GraphicsDeviceType.Null ? null : $"{SystemInfo.graphicsDeviceType} {SystemInfo.graphicsDeviceName}";

        public GymPhase Phase
        {
            get
            {
                if (LastError != null)
                {
                    return GymPhase.Failed;
                }
                return server == null || !server.Running ? GymPhase.Stopped : server.Client == null ? GymPhase.WaitingForClient : GymPhase.InSession;
            }
        }

        /// <summary>Override to serve an environment of your own. Called once, on the main thread.</summary>
        protected virtual EnvironmentDefinition CreateDefinition()
        {
            var catalog = CatalogReader.Load(settings.CatalogFile());
            var graphics = GraphicsDevice;
            // Environments are made later, and their pictures must still have the size of the specs.
            var imageSize = settings.ImageSize;
            var images = graphics == null ? Array.Empty<TensorSpec>() : RoomsEnvironment.ImageSpecs(catalog, imageSize);
            var rooms = RoomsEnvironment.Define(catalog, images, env => graphics == null ? null : areas.Add(env, catalog, imageSize, PrepareCamera));
            rooms.Graphics = graphics;
            rooms.TimeStep = StepSeconds;
            rooms.BeforeObserving = graphics == null ? (Action<IReadOnlyList<int>, IReadOnlyList<TensorSpec>>?)null : areas.Render;
            return rooms;
        }

        /// <summary>Starts the server. What goes wrong is in <see cref="LastError"/>.</summary>
        protected virtual void OnEnable()
        {
            if (Current != null)
            {
                Debug.LogError("RLS3: a gym server already runs in this process, so this one does not start; keep one Gym Server");
                enabled = false;
                return;
            }
            Current = this;
            LastError = null;
            log = new LogTail(LogLines);
            before = ProcessSettings.Take();
            try
            {
                Serve();
            }
            catch (Exception error)
            {
                // An error that only a mistake in code can throw is shown with its stack trace.
                var known = error is ConfigurationException || error is CatalogException;
                Fail(known ? error.Message : $"the server could not start: {error}");
            }
        }

        private void Serve()
        {
            GymCommandLine.Apply(Environment.GetCommandLineArgs(), settings);
            settings.Check();
            envCount = settings.EnvCount;
            definition = CreateDefinition();
            queue = new MainThreadQueue();
            var options = new HostOptions { EnvCount = envCount, Package = $"com.rls3.gym/{EnvironmentHost.PackageVersion}+Unity-{Application.unityVersion}" };
            server = GymServer.Start(definition, options, new ServeOptions(settings.Endpoint, settings.Connect) { Keys = settings.Keys() }, queue);
            var graphics = definition.Graphics == null ? "without graphics" : $"on {definition.Graphics}";
            Debug.Log($"RLS3: serving {definition.Name}, environments: {envCount}, at {server.Endpoint}, {graphics}");
        }

        /// <summary>Answers the requests that wait.</summary>
        protected virtual void Update()
        {
            if (queue == null || server == null)
            {
                return;
            }
            // A player without a window has nothing else to do; the Editor must go on drawing its windows.
            var stay = Application.isBatchMode ? PlayerStay : server.Client == null ? TimeSpan.Zero : EditorStay;
            queue.Pump(stay);
            areas.Watch();
            if (server.Failure != null)
            {
                Fail($"the server's thread ended: {server.Failure.Message}");
            }
            else if (!server.Running && !Application.isEditor)
            {
                Application.Quit(0);
            }
        }

        /// <summary>The environment that is stepped by hand, once there is one.</summary>
        public IEnvironment? ByHand => manual;

        /// <summary>
        /// Makes the environment to step by hand, beside those of the clients, where there is none yet. Null before the server runs,
        /// and if its definition has a <see cref="EnvironmentDefinition.SingleEnvironment"/>. Main thread only.
        /// </summary>
        public IEnvironment? Manual()
        {
            if (manual == null && definition != null && !definition.SingleEnvironment)
            {
                manual = definition.Create(envCount);
            }
            return manual;
        }

        /// <summary>Renders the image of the environment that is stepped by hand.</summary>
        public void RenderManual()
        {
            if (manual != null && areas.Of(envCount) is GymArea area)
            {
                area.Begin();
                area.RenderImage();
                area.Finish();
            }
        }

        private void Fail(string message)
        {
            LastError = message;
            Debug.LogError($"RLS3: {message}");
            try
            {
                Stop();
            }
            finally
            {
                if (!Application.isEditor)
                {
                    Application.Quit(2);
                }
            }
        }

        /// <summary>Stops the server.</summary>
        protected virtual void OnDisable()
        {
            if (Current != this)
            {
                return;
            }
            try
            {
                Stop();
            }
            finally
            {
                Current = null;
            }
        }

        /// <summary>Stops the server while all that it uses is still there.</summary>
        protected virtual void OnApplicationQuit() => Stop();

        /// <summary>
        /// Closes the socket and ends its thread before it returns. An environment that fails to end keeps nothing else from ending;
        /// the first such error is thrown at the end. Called twice it does nothing.
        /// </summary>
        public void Stop()
        {
            // The queue first: a request that waits for this thread is given up.
            var parts = new IDisposable?[] { queue, server, manual, areas, log, before };
            queue = null;
            server = null;
            manual = null;
            definition = null;
            log = null;
            before = null;
            ExceptionDispatchInfo? first = null;
            foreach (var part in parts)
            {
                try
                {
                    part?.Dispose();
                }
                catch (Exception error)
                {
                    first ??= ExceptionDispatchInfo.Capture(error);
                }
            }
            first?.Throw();
        }
    }

    /// <summary>Settings of the whole process that a server changes while it runs.</summary>
    internal sealed class ProcessSettings : IDisposable
    {
        private readonly SimulationMode simulation = Physics.simulationMode;
        private readonly bool background = Application.runInBackground;
        private readonly int vSync = QualitySettings.vSyncCount;

        private ProcessSettings()
        {
        }

        /// <summary>Remembers them, and sets what a server needs: physics and time advance with steps alone, whatever the frame rate.</summary>
        public static ProcessSettings Take()
        {
            var taken = new ProcessSettings();
            Physics.simulationMode = SimulationMode.Script;
            Application.runInBackground = true;
            QualitySettings.vSyncCount = 0;
            return taken;
        }

        /// <summary>Puts them back.</summary>
        public void Dispose()
        {
            Physics.simulationMode = simulation;
            Application.runInBackground = background;
            QualitySettings.vSyncCount = vSync;
        }
    }
}
