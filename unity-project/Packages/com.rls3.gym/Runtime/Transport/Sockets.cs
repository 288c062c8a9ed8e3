#nullable enable
using System;
using NetMQ;
using NetMQ.Sockets;

namespace Rls3.Gym.Transport
{
    /// <summary>
    /// The lifetime of NetMQ in a process: managed sockets only (AsyncIO.ForceDotNet before anything else), and a cleanup
    /// once the last socket is disposed; a cleanup before that throws, and none at all freezes the Unity Editor.
    /// </summary>
    internal static class Sockets
    {
        private static readonly object Gate = new object();
        private static int open;

        public static RouterSocket Open()
        {
            lock (Gate)
            {
                AsyncIO.ForceDotNet.Force();
                open++;
                try
                {
                    return new RouterSocket();
                }
                catch
                {
                    open--;
                    throw;
                }
            }
        }

        public static void Close(RouterSocket socket)
        {
            lock (Gate)
            {
                socket.Dispose();
                open--;
                if (open == 0)
                {
                    NetMQConfig.Cleanup(false);
                }
            }
        }
    }
}
