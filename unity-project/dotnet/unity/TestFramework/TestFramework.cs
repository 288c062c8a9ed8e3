using System;
using System.Collections;

namespace NUnit.Framework
{
    [AttributeUsage(AttributeTargets.Method)]
    public class TestAttribute : Attribute
    {
    }

    [AttributeUsage(AttributeTargets.Method)]
    public class SetUpAttribute : Attribute
    {
    }

    [AttributeUsage(AttributeTargets.Method)]
    public class TearDownAttribute : Attribute
    {
    }

    public class Assert
    {
        public static void IsTrue(bool condition) => throw null;
        public static void IsNull(object anObject) => throw null;
        public static void IsNotNull(object anObject) => throw null;
        public static void IsEmpty(IEnumerable collection) => throw null;
        public static void AreEqual(object expected, object actual, string message, params object[] args) => throw null;
        public static void Less(float arg1, float arg2) => throw null;
        public static void Greater(int arg1, int arg2, string message, params object[] args) => throw null;
        public static void LessOrEqual(int arg1, int arg2) => throw null;
        public static void Ignore(string message) => throw null;
    }
}

namespace UnityEngine.TestTools
{
    [AttributeUsage(AttributeTargets.Method)]
    public class UnityTestAttribute : Attribute
    {
    }
}
