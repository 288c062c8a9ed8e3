#nullable enable
using System.Globalization;
using Rls3.Gym.Core;

namespace Rls3.Gym.Protocol
{
    /// <summary>Checks an action against its space: NaN or a value out of bounds is an error that names the element and the bound.</summary>
    internal static class ActionCheck
    {
        public static void Require(TensorSpec spec, TensorSpan action)
        {
            for (var element = 0; element < spec.Elements; element++)
            {
                var value = action.ElementAt(spec.DType, element);
                // NaN fails both comparisons, so it lands below too.
                if (!(value >= spec.LowOf(element) && value <= spec.HighOf(element)))
                {
                    throw OutOfSpace(spec, element, value);
                }
            }
        }

        private static ProtocolException OutOfSpace(TensorSpec spec, int element, double value)
        {
            var low = spec.LowOf(element);
            var high = spec.HighOf(element);
            var bound = double.IsNaN(value) ? "number" : value < low ? "low" : "high";
            var name = spec.Names?[element];
            var where = $"{spec.Uid}[{element}]{(name == null ? "" : $" ({name})")}";
            var beyond = bound == "low" ? $"below {Shown(low)}" : $"above {Shown(high)}";
            var said = double.IsNaN(value) ? "is NaN" : $"= {Shown(value)} is {beyond}";
            var shown = double.IsNaN(value) ? WireValue.Of("NaN") : WireValue.Of(value);
            var keys = new[] { "uid", "element", "name", "bound", "low", "high", "value" };
            var values = new[]
            {
                WireValue.Of(spec.Uid), WireValue.Of(element), name == null ? WireValue.Nil : WireValue.Of(name), WireValue.Of(bound), WireValue.Of(low),
                WireValue.Of(high), shown,
            };
            return new ProtocolException(
                ErrorCodes.BadAction,
                $"{where} {said}; it must be a number from {Shown(low)} to {Shown(high)}",
                WireValue.OfMap(keys, values));
        }

        private static string Shown(double value) => value.ToString("R", CultureInfo.InvariantCulture);
    }
}
