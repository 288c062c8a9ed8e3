using System.Collections;
using System.Reflection;
using NUnit.Framework;
using UnityEngine.StandIn;
using UnityEngine.TestTools;
using Xunit;
using Assert = Xunit.Assert;

namespace Rls3.Gym.Engine.Tests;

/// <summary>The package's own tests for Unity's Test Framework, run as it runs them: a test, or frames between the steps of one.</summary>
[Collection("engine")]
public sealed class PackageTestsTests
{
    public static TheoryData<string> Names => [.. Found().Select(NameOf)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Pass(string name)
    {
        var test = Found().Single(method => NameOf(method) == name);
        var inPlay = test.GetCustomAttribute<UnityTestAttribute>() != null;
        using var stage = new Stage(options => options.Play = inPlay);
        var fixture = Activator.CreateInstance(test.DeclaringType!)!;
        Call<SetUpAttribute>(fixture);
        for (var steps = Run(test, fixture); steps != null && steps.MoveNext();)
        {
            Player.Frame();
        }
        Call<TearDownAttribute>(fixture);
    }

    [Fact]
    public void Are_found() => Assert.Equal(4, Found().Count());

    private static IEnumerable<MethodInfo> Found() => Assembly.Load("Rls3.Gym.Unity.Packages").GetTypes().SelectMany(type => type.GetMethods())
        .Where(method => method.GetCustomAttribute<TestAttribute>() != null || method.GetCustomAttribute<UnityTestAttribute>() != null);

    private static string NameOf(MethodInfo method) => $"{method.DeclaringType!.Name}.{method.Name}";

    private static void Call<T>(object fixture)
        where T : Attribute
    {
        foreach (var method in fixture.GetType().GetMethods().Where(method => method.GetCustomAttribute<T>() != null))
        {
            Run(method, fixture);
        }
    }

    // What it throws, as it threw it.
    private static IEnumerator? Run(MethodInfo method, object fixture) => (IEnumerator?)method.Invoke(fixture, BindingFlags.DoNotWrapExceptions, null, null, null);
}
