#nullable enable
using Rls3.Gym.Engine;
using UnityEditor;

namespace Rls3.Gym.Editor
{
    /// <summary>
    /// Stops the server before the Editor reloads its domain, leaves Play or quits: a server thread that is still running would
    /// block the reload and keep the port.
    /// </summary>
    [InitializeOnLoad]
    internal static class GymLifetime
    {
        static GymLifetime()
        {
            AssemblyReloadEvents.beforeAssemblyReload += Stop;
            EditorApplication.quitting += Stop;
            EditorApplication.playModeStateChanged += change =>
            {
                if (change == PlayModeStateChange.ExitingPlayMode)
                {
                    Stop();
                }
            };
        }

        private static void Stop()
        {
            if (GymServerBehaviour.Current != null)
            {
                GymServerBehaviour.Current.Stop();
            }
        }
    }
}
