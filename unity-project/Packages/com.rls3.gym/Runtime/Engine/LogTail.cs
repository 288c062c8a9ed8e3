#nullable enable
using System;
using System.Collections.Generic;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>The last lines of Unity's log, from any thread: what a message about a failure shows.</summary>
    public sealed class LogTail : IDisposable
    {
        private readonly Queue<string> lines = new Queue<string>();
        private readonly int capacity;

        public LogTail(int capacity)
        {
            this.capacity = capacity;
            Application.logMessageReceivedThreaded += Keep;
        }

        public string[] Lines()
        {
            lock (lines)
            {
                return lines.ToArray();
            }
        }

        public void Dispose() => Application.logMessageReceivedThreaded -= Keep;

        private void Keep(string message, string stackTrace, LogType type)
        {
            lock (lines)
            {
                lines.Enqueue($"{type}: {message}");
                while (lines.Count > capacity)
                {
                    lines.Dequeue();
                }
            }
        }
    }
}
