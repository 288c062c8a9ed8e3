#nullable enable
using System;

namespace Rls3.Gym.Transport.Zmtp
{
    /// <summary>ZeroMQ's text for keys (RFC 32): five characters of base 85 stand for four bytes.</summary>
    internal static class Z85
    {
        private const string Digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

        /// <returns>The bytes; null if the text is no Z85.</returns>
        public static byte[]? Decode(string text)
        {
            if (text.Length % 5 != 0)
            {
                return null;
            }
            var bytes = new byte[text.Length / 5 * 4];
            for (var block = 0; block < text.Length / 5; block++)
            {
                ulong value = 0;
                for (var i = 0; i < 5; i++)
                {
                    var digit = Digits.IndexOf(text[(block * 5) + i]);
                    if (digit < 0)
                    {
                        return null;
                    }
                    value = (value * 85) + (ulong)digit;
                }
                if (value > uint.MaxValue)
                {
                    return null;
                }
                for (var i = 0; i < 4; i++)
                {
                    bytes[(block * 4) + i] = (byte)(value >> (24 - (8 * i)));
                }
            }
            return bytes;
        }
    }
}
