using Rls3.Gym.Core;
using Rls3.Gym.Protocol;

namespace Rls3.Gym.Tests;

/// <summary>Headers as clients send them.</summary>
internal static class Messages
{
    public static WireValue Map(params (string Key, object? Value)[] pairs) =>
        WireValue.OfMap([.. pairs.Select(pair => pair.Key)], [.. pairs.Select(pair => Value(pair.Value))]);

    public static WireValue List(params object?[] items) => WireValue.OfArray([.. items.Select(Value)]);

    /// <summary>A header: version, type and number, and what else it has. Of a key that comes twice, the last one counts.</summary>
    public static WireValue Header(string type, object? req, params (string Key, object? Value)[] more) => Map([("v", 1), ("t", type), ("req", req), .. more]);

    public static byte[] Encode(WireValue header)
    {
        var writer = new MessagePackWriter();
        header.WriteTo(writer);
        return writer.ToArray();
    }

    private static WireValue Value(object? value) => value switch
    {
        null => WireValue.Nil,
        bool boolean => WireValue.Of(boolean),
        int number => WireValue.Of(number),
        long number => WireValue.Of(number),
        double number => WireValue.Of(number),
        string text => WireValue.Of(text),
        _ => (WireValue)value,
    };
}
