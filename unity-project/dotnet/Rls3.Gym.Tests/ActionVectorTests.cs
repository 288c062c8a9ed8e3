using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using Xunit;

namespace Rls3.Gym.Tests;

public class ActionVectorTests
{
    [Fact]
    public void The_golden_actions_are_taken_or_refused_by_the_right_element_and_bound()
    {
        var vectors = Repository.Json("protocol", "vectors", "actions.json").Items;
        Assert.NotEmpty(vectors);
        foreach (var vector in vectors)
        {
            var spec = Spec(vector.Get("spec")!);
            var values = vector.Get("values")!.Items.Select(Number).ToArray();
            var refused = vector.Get("refused")!;
            var bytes = Bytes(spec, values);
            if (refused.IsNil)
            {
                ActionCheck.Require(spec, new TensorSpan(bytes));
                continue;
            }
            var error = Assert.Throws<ProtocolException>(() => ActionCheck.Require(spec, new TensorSpan(bytes)));
            Assert.Equal(refused.Get("code")!.Text, error.Code);
            Assert.Equal(refused.Get("element")!.Number, error.Detail.Get("element")!.Number);
            Assert.Equal(refused.Get("bound")!.Text, error.Detail.Get("bound")!.Text);
        }
    }

    private static TensorSpec Spec(WireValue value) => new(
        value.Get("uid")!.Text,
        Enum.Parse<DType>(value.Get("dtype")!.Text, true),
        [.. value.Get("shape")!.Items.Select(size => (int)size.Number)],
        Bound(value.Get("low")),
        Bound(value.Get("high")));

    private static double[]? Bound(WireValue? value) =>
        value == null ? null : value.Kind == WireValue.Kinds.Array ? [.. value.Items.Select(Number)] : [Number(value)];

    // JSON has no NaN and no infinity: the vectors write them as text.
    private static double Number(WireValue value) =>
        value.Kind == WireValue.Kinds.String ? double.Parse(value.Text, System.Globalization.CultureInfo.InvariantCulture) : value.Number;

    private static byte[] Bytes(TensorSpec spec, double[] values)
    {
        var bytes = new byte[spec.Bytes];
        var span = new TensorSpan(bytes);
        for (var i = 0; i < values.Length; i++)
        {
            switch (spec.DType)
            {
                case DType.Float32:
                    span.Float32[i] = (float)values[i];
                    break;
                case DType.Float64:
                    span.Float64[i] = values[i];
                    break;
                case DType.Int32:
                    span.Int32[i] = (int)values[i];
                    break;
                default:
                    bytes[i] = (byte)values[i];
                    break;
            }
        }
        return bytes;
    }
}
