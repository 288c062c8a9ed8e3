using System.Collections.Generic;
using UnityEngine.StandIn;

namespace UnityEngine
{
    public sealed class GUIStyle
    {
    }

    public sealed class GUILayoutOption
    {
        internal GUILayoutOption() => throw null;
    }

    public class GUILayout
    {
        public static bool Button(string text, params GUILayoutOption[] options) => Person.Sees(text, Person.Presses(text));
        public static GUILayoutOption ExpandWidth(bool expand) => null;
    }

    public class GUILayoutUtility
    {
        public static Rect GetRect(float width, float height, params GUILayoutOption[] options) => Person.Sees("", new Rect(0f, 0f, width, height));
    }
}

namespace UnityEngine.StandIn
{
    /// <summary>Who sits in front of the Editor's windows: what the last event drew, and what is pressed in the next one.</summary>
    internal static class Person
    {
        private static string pressing;

        /// <summary>Texts of the last event, in their order.</summary>
        public static List<string> Seen { get; } = new List<string>();

        /// <summary>Layout groups that are open.</summary>
        public static int Groups { get; set; }

        /// <summary>The file that is chosen in a panel; null once it was.</summary>
        public static string Choosing { get; set; }

        public static void Press(string button) => pressing = button;

        public static bool Presses(string button)
        {
            var pressed = pressing == button;
            pressing = pressed ? null : pressing;
            return pressed;
        }

        public static T Sees<T>(string text, T value)
        {
            Seen.Add(text);
            return value;
        }
    }
}
