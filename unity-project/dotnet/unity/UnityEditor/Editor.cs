using System;
using System.IO;
using UnityEngine;

namespace UnityEditor
{
    public enum MessageType
    {
        Info = 1,
        Warning = 2,
        Error = 3,
    }

    public enum PlayModeStateChange
    {
        ExitingPlayMode = 3,
    }

    public class EditorWindow : ScriptableObject
    {
        public static T GetWindow<T>(string title) where T : EditorWindow => throw null;
        public void Repaint() => throw null;
    }

    public sealed class EditorApplication
    {
        public delegate void CallbackFunction();

        public static CallbackFunction update;
        public static CallbackFunction delayCall;

        public static event Action quitting;
        public static event Action<PlayModeStateChange> playModeStateChanged;

        internal static void Change(PlayModeStateChange change) => playModeStateChanged?.Invoke(change);

        public static bool isPlaying { get => throw null; set => throw null; }
        public static void Exit(int returnValue) => throw null;
    }

    public static class AssemblyReloadEvents
    {
        public delegate void AssemblyReloadCallback();

        public static event AssemblyReloadCallback beforeAssemblyReload;

        /// <summary>Scripts were compiled: their domain is about to go.</summary>
        internal static void Reload() => beforeAssemblyReload?.Invoke();
    }

    public class InitializeOnLoadAttribute : Attribute
    {
    }

    public class InitializeOnLoadMethodAttribute : Attribute
    {
    }

    public sealed class MenuItem : Attribute
    {
        public MenuItem(string itemName)
        {
        }
    }

    public sealed class EditorGUILayout
    {
        public static Vector2 BeginScrollView(Vector2 scrollPosition, params GUILayoutOption[] options) => throw null;
        public static void EndScrollView() => throw null;
        public static void HelpBox(string message, MessageType type) => throw null;
        public static int IntSlider(string label, int value, int leftValue, int rightValue, params GUILayoutOption[] options) => throw null;
        public static float Slider(string label, float value, float leftValue, float rightValue, params GUILayoutOption[] options) => throw null;
        public static long LongField(string label, long value, params GUILayoutOption[] options) => throw null;
        public static void LabelField(string label, params GUILayoutOption[] options) => throw null;
        public static void LabelField(string label, GUIStyle style, params GUILayoutOption[] options) => throw null;
        public static void LabelField(string label, string label2, params GUILayoutOption[] options) => throw null;
        public static void Space() => throw null;
        public static string TextArea(string text, params GUILayoutOption[] options) => throw null;
    }

    public sealed class EditorGUI
    {
        public static void DrawPreviewTexture(Rect position, Texture image) => throw null;
    }

    public sealed class EditorStyles
    {
        public static GUIStyle boldLabel => throw null;
    }

    public class EditorUtility
    {
        public static string OpenFilePanel(string title, string directory, string extension) => throw null;
    }

    public class AssetDatabase
    {
        public static void CreateAsset(UnityEngine.Object asset, string path) => throw null;

        // ScriptReference AssetDatabase.DeleteAsset: a file or a folder with all that is in it.
        public static bool DeleteAsset(string path)
        {
            var full = Path.Combine(Path.GetDirectoryName(Application.dataPath), path);
            if (Directory.Exists(full))
            {
                Directory.Delete(full, true);
                return true;
            }
            var found = File.Exists(full);
            File.Delete(full);
            return found;
        }

        public static void Refresh()
        {
        }

        public static void SaveAssets() => throw null;
    }
}
