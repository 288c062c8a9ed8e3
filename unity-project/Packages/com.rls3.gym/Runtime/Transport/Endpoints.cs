#nullable enable
using System;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Rls3.Gym.Transport
{
    /// <summary>A server can't start as configured; the message says what to do.</summary>
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
                throw new ConfigurationException($"\"{endpoint}\" is no endpoint; write tcp://ADDRESS:PORT, such as tcp://127.0.0.1:5005");
            }
            if (keys == null && !IsLoopback(endpoint))
            {
                throw new ConfigurationException(
                    $"{endpoint} is not a loopback address: it takes CURVE keys and a token on both sides (a keys file), or use tcp://127.0.0.1:PORT");
            }
        }

        /// <summary>The addresses that an endpoint's name stands for, those of IPv4 first; port 0 for *.</summary>
        public static IPEndPoint[] Resolve(string endpoint)
        {
            var colon = endpoint.LastIndexOf(':');
            var host = endpoint.Substring("tcp://".Length, colon - "tcp://".Length);
            var text = endpoint.Substring(colon + 1);
            var port = 0;
            if (text != "*" && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) || port > ushort.MaxValue))
            {
                throw new ConfigurationException($"\"{endpoint}\" is no endpoint: ports go up to {ushort.MaxValue}");
            }
            return Addresses(host).OrderBy(address => address.AddressFamily).Select(address => new IPEndPoint(address, port)).ToArray();
        }

        private static IPAddress[] Addresses(string host)
        {
            if (host == "*")
            {
                return new[] { IPAddress.Any };
            }
            if (IPAddress.TryParse(host, out var address))
            {
                return new[] { address };
            }
            try
            {
                return Dns.GetHostAddresses(host);
            }
            catch (Exception error) when (error is SocketException || error is ArgumentException)
            {
                throw new ConfigurationException($"the host {host} is not known: {error.Message}");
            }
        }
    }
}
