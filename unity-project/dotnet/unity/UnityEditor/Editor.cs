using System;
using System.Reflection;
using UnityEngine;
using UnityEngine.StandIn;

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
        public static T GetWindow<T>(string title) where T : EditorWindow => CreateInstance<T>();

        public void Repaint()
        {
        }

        /// <summary>One event of the window.</summary>
        internal void Draw()
        {
            Person.Seen.Clear();
            GetType().GetMethod("OnGUI", BindingFlags.Instance | BindingFlags.NonPublic).Invoke(this, BindingFlags.DoNotWrapExceptions, null, null, null);
        }
    }

    public sealed class EditorApplication
    {
        public delegate void CallbackFunction();

        public static CallbackFunction update;
        public static CallbackFunction delayCall;

        public static event Action quitting;
        public static event Action<PlayModeStateChange> playModeStateChanged;

        internal static void Change(PlayModeStateChange change) => playModeStateChanged?.Invoke(change);

        /// <summary>The end of an event: delayed calls run.</summary>
        internal static void EndEvent()
        {
            var calls = delayCall;
            delayCall = null;
            calls?.Invoke();
        }

        public static bool isPlaying { get => Player.Playing; set => throw null; }
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
        public static Vector2 BeginScrollView(Vector2 scrollPosition, params GUILayoutOption[] options)
        {
            Person.Groups++;
            return scrollPosition;
        }

        public static void EndScrollView() => Person.Groups--;

        public static void HelpBox(string message, MessageType type) => Person.Sees(message, type);

        public static int IntSlider(string label, int value, int leftValue, int rightValue, params GUILayoutOption[] options) => Person.Sees(label, value);

        public static float Slider(string label, float value, float leftValue, float rightValue, params GUILayoutOption[] options) => Person.Sees(label, value);

        public static long LongField(string label, long value, params GUILayoutOption[] options) => Person.Sees(label, value);

        public static void LabelField(string label, params GUILayoutOption[] options) => Person.Sees(label, true);

        public static void LabelField(string label, GUIStyle style, params GUILayoutOption[] options) => Person.Sees(label, true);

        public static void LabelField(string label, string label2, params GUILayoutOption[] options) => Person.Sees($"{label}: {label2}", true);

        public static void Space() => Person.Sees("", true);

        public static string TextArea(string text, params GUILayoutOption[] options) => Person.Sees(text, text);
    }

    public sealed class EditorGUI
    {
        public static void DrawPreviewTexture(Rect position, Texture image) => Person.Sees(image.name, true);
    }

    public sealed class EditorStyles
    {
        public static GUIStyle boldLabel { get; } = new GUIStyle();
    }

    public class EditorUtility
    {
        // Manual "Immediate Mode GUI", layout groups: a panel has its own event loop, while open groups belong to the window's.
        public static string OpenFilePanel(string title, string directory, string extension)
        {
            if (Person.Groups > 0)
            {
                throw new InvalidOperationException("EndLayoutGroup: BeginLayoutGroup must be called first: a panel was opened within a layout group");
            }
            var chosen = Person.Choosing ?? throw new InvalidOperationException("nobody is there to choose a file");
            Person.Choosing = null;
            return chosen;
        }
    }

    public class AssetDatabase
    {
        public static void CreateAsset(UnityEngine.Object asset, string path) => throw null;

        public static void SaveAssets() => throw null;
    }
}
