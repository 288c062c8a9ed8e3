using Rls3.Gym.Core;
using Xunit;

namespace Rls3.Gym.Tests;

/// <summary>Specs that no client would take are refused where they are made.</summary>
public sealed class SpecTests
{
    [Fact]
    public void A_tensor_takes_at_most_a_gibibyte()
    {
        Assert.Equal(1 << 30, new TensorSpec("image", DType.UInt8, [1 << 15, 1 << 15]).Bytes);
        Assert.Equal(1 << 30, new TensorSpec("depth", DType.Float64, [1 << 27]).Bytes);
        Refused("image: shape [32768, 32769] takes 1073774592 bytes, and at most 1073741824 are taken", () => new TensorSpec("image", DType.UInt8, [1 << 15, (1 << 15) + 1]));
        Refused("takes 1073741832 bytes", () => new TensorSpec("depth", DType.Float64, [(1 << 27) + 1]));
        // Their product is beyond any integer.
        Refused("and at most 1073741824 are taken", () => new TensorSpec("depth", DType.Float64, [.. Enumerable.Repeat(int.MaxValue, 8)]));
    }

    [Fact]
    public void A_shape_has_at_most_eight_positive_sides()
    {
        Assert.Equal(1, new TensorSpec("x", DType.Float32, [1, 1, 1, 1, 1, 1, 1, 1]).Elements);
        Refused("x: shape must be at most 8 positive integers, not [1, 1, 1, 1, 1, 1, 1, 1, 1]", () => new TensorSpec("x", DType.Float32, [1, 1, 1, 1, 1, 1, 1, 1, 1]));
        Refused("not [2, 0]", () => new TensorSpec("x", DType.Float32, [2, 0]));
        Refused("uid must be a non-empty string", () => new TensorSpec("", DType.Float32, []));
    }

    [Fact]
    public void Bounds_and_names_are_of_its_elements_and_do_not_cross()
    {
        Refused("x: low must have one value for each of the 3 elements", () => new TensorSpec("x", DType.Float32, [3], [0, 0]));
        Refused("x: names must have one value for each of the 1 elements", () => new TensorSpec("x", DType.Float32, [], null, null, ["a", "b"]));
        Refused("x: low 2 must not be above high 1 at element 1", () => new TensorSpec("x", DType.Float32, [2], [0, 2], [1]));
        Refused("neither may be NaN", () => new TensorSpec("x", DType.Float32, [2], [double.NaN]));
    }

    private static void Refused(string message, Func<TensorSpec> make) => Assert.Contains(message, Assert.Throws<ArgumentException>(make).Message);
}
