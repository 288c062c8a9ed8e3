#nullable enable
using System;

namespace Rls3.Gym.Transport.Zmtp
{
    /// <summary>How a connection is secured: its handshake after the greeting, and how it encodes frames.</summary>
    internal abstract class Mechanism
    {
        /// <summary>Its name in the greeting.</summary>
        public abstract string Name { get; }

        /// <summary>This side is the mechanism's server.</summary>
        public abstract bool AsServer { get; }

        /// <summary>The handshake is over: messages may go both ways.</summary>
        public bool Done { get; protected set; }

        /// <summary>Bytes that encryption adds to a frame.</summary>
        public abstract int Overhead { get; }

        /// <summary>The command that follows the greeting; null if the peer speaks first.</summary>
        public abstract byte[]? Begin();

        /// <summary>Takes a command of the handshake.</summary>
        /// <returns>The command to answer with; null if there is none.</returns>
        /// <exception cref="ZmtpException">The peer is refused.</exception>
        public abstract byte[]? Handle(byte[] command);

        /// <summary>A frame as it goes over the wire.</summary>
        public abstract Frame Encode(Frame frame);

        /// <exception cref="ZmtpException">The frame was not made by the peer of the handshake.</exception>
        public abstract Frame Decode(Frame frame);
    }

    /// <summary>No security (RFC 37, NULL): each side says READY.</summary>
    internal sealed class NullMechanism : Mechanism
    {
        public override string Name => "NULL";

        public override bool AsServer => false;

        public override int Overhead => 0;

        public override byte[]? Begin() => Command.Make("READY", Command.OwnProperties);

        public override byte[]? Handle(byte[] command)
        {
            var name = Command.Name(command);
            if (name != "READY")
            {
                throw new ZmtpException($"{name} where READY was due");
            }
            Command.CheckProperties(command.AsSpan(Command.DataAt(command)));
            Done = true;
            return null;
        }

        public override Frame Encode(Frame frame) => frame;

        public override Frame Decode(Frame frame) => frame;
    }
}
