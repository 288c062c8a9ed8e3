#nullable enable
using System;
using System.Text.RegularExpressions;

namespace Rls3.Gym.Transport
{
    /// <summary>Something in the way a server was started that can't be: the message says what to do.</summary>
    public sealed class ConfigurationException : Exception
    {
        public ConfigurationException(string message)
            : base(message)
        {
        }
    }

    /// <summary>Who may talk: loopback is open, any other address takes CURVE keys and a token on both sides.</summary>
    public static class Endpoints
    {
        private static readonly Regex Form = new Regex(@"^tcp://[^\s/]+:(\d+|\*)$", RegexOptions.CultureInvariant);
        private static readonly Regex Loopback = new Regex(@"^tcp://(127(\.\d{1,3}){3}|localhost|\[::1\]):(\d+|\*)$", RegexOptions.CultureInvariant);

        public static bool IsLoopback(string endpoint) => Loopback.IsMatch(endpoint);

        public static void Check(string endpoint, GymKeys? keys)
        {
            if (!Form.IsMatch(endpoint))
            {
                throw new ConfigurationException($"\"{endpoint}\" is no endpoint; write tcp://ADDRESS:PORT, as tcp://127.0.0.1:5005");
            }
            if (keys == null && !IsLoopback(endpoint))
            {
                throw new ConfigurationException(
                    $"{endpoint} is not a loopback address: it takes CURVE keys and a token on both sides (a keys file), or use tcp://127.0.0.1:PORT");
            }
        }
    }
}
