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
        public static bool Button(string text, params GUILayoutOption[] options) => throw null;
        public static GUILayoutOption ExpandWidth(bool expand) => throw null;
    }

    public class GUILayoutUtility
    {
        public static Rect GetRect(float width, float height, params GUILayoutOption[] options) => throw null;
    }
}
