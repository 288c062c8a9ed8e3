#nullable enable
using System;

namespace Rls3.Gym.Transport.Zmtp
{
    /// <summary>What a peer sent is not the protocol: its connection is closed, and nothing else happens.</summary>
    internal sealed class ZmtpException : Exception
    {
        public ZmtpException(string message)
            : base(message)
        {
        }
    }
}
