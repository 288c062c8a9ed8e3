#nullable enable
using System;

namespace Rls3.Gym.Transport.Zmtp
{
    /// <summary>A peer broke the protocol: only its connection is closed.</summary>
    internal sealed class ZmtpException : Exception
    {
        public ZmtpException(string message)
            : base(message)
        {
        }
    }
}
