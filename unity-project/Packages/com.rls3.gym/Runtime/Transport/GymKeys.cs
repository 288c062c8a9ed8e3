#nullable enable
using System;
using System.IO;
using Rls3.Gym.Core;
using Rls3.Gym.Transport.Zmtp;

namespace Rls3.Gym.Transport
{
    /// <summary>A server's CURVE key pair (32 bytes each) and the token that clients must send.</summary>
    public sealed class GymKeys
    {
        private const int KeyLength = 40;
        private const int ShortestToken = 16;

        private GymKeys(byte[] publicKey, byte[] secretKey, string token)
        {
            PublicKey = publicKey;
            SecretKey = secretKey;
            Token = token;
        }

        internal byte[] PublicKey { get; }

        internal byte[] SecretKey { get; }

        public string Token { get; }

        /// <summary>Reads a keys file: {"serverPublicKey", "serverSecretKey", "token"}.</summary>
        public static GymKeys Read(string file)
        {
            WireValue value;
            try
            {
                value = JsonReader.Parse(File.ReadAllText(file));
            }
            catch (Exception error) when (error is IOException || error is FormatException || error is UnauthorizedAccessException)
            {
                throw new ConfigurationException($"keys file {file}: {error.Message}");
            }
            var token = value.Get("token");
            if (token == null || token.Text.Length < ShortestToken)
            {
                throw new ConfigurationException($"keys file {file}: token must be a string of at least {ShortestToken} characters");
            }
            return new GymKeys(Key(value, "serverPublicKey", file), Key(value, "serverSecretKey", file), token.Text);
        }

        private static byte[] Key(WireValue value, string name, string file)
        {
            var key = value.Get(name);
            return (key?.Text.Length == KeyLength ? Z85.Decode(key.Text) : null)
                ?? throw new ConfigurationException($"keys file {file}: {name} must be {KeyLength} characters of Z85");
        }
    }
}
