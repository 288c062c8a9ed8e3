using System;
using System.Collections;
using System.Linq;

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

    public class AssertionException : Exception
    {
        public AssertionException(string message)
            : base(message)
        {
        }
    }

    public class IgnoreException : Exception
    {
        public IgnoreException(string message)
            : base(message)
        {
        }
    }

    public class Assert
    {
        public static void IsTrue(bool condition) => Hold(condition, "expected true");
        public static void IsNull(object anObject) => Hold(anObject is null, $"expected null, not {anObject}");
        public static void IsNotNull(object anObject) => Hold(!(anObject is null), "expected something, not null");
        public static void IsEmpty(IEnumerable collection) => Hold(!collection.Cast<object>().Any(), $"expected nothing, not {string.Join(", ", collection.Cast<object>())}");
        public static void AreEqual(object expected, object actual, string message, params object[] args) => Hold(Equals(expected, actual), $"expected {expected}, not {actual}: {message}");
        public static void Less(float arg1, float arg2) => Hold(arg1 < arg2, $"expected {arg1} < {arg2}");
        public static void Greater(int arg1, int arg2, string message, params object[] args) => Hold(arg1 > arg2, $"expected {arg1} > {arg2}: {message}");
        public static void LessOrEqual(int arg1, int arg2) => Hold(arg1 <= arg2, $"expected {arg1} <= {arg2}");
        public static void Ignore(string message) => throw new IgnoreException(message);

        private static void Hold(bool condition, string message)
        {
            if (!condition)
            {
                throw new AssertionException(message);
            }
        }
    }
}

namespace UnityEngine.TestTools
{
    [AttributeUsage(AttributeTargets.Method)]
    public class UnityTestAttribute : Attribute
    {
    }
}
