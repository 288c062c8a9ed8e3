#nullable enable
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Rls3.Gym.Protocol;

namespace Rls3.Gym.Transport
{
    /// <summary>
    /// Hands work from the socket's thread to the thread that owns the environments (Unity's main thread), one piece at a
    /// time, and wakes the socket's thread as soon as it is done.
    /// </summary>
    public sealed class MainThreadQueue : IEnvironmentThread, IDisposable
    {
        /// <summary>How long the socket's thread waits before it looks after its other peers.</summary>
        private const int SliceMs = 20;

        private readonly object gate = new object();
        private readonly Queue<Action> waiting = new Queue<Action>();
        private readonly int capacity;
        private long lastTick = Stopwatch.GetTimestamp();
        private bool closed;

        public MainThreadQueue(int capacity = 8)
        {
            this.capacity = capacity;
        }

        /// <summary>Called by the socket's thread while it waits.</summary>
        public Action? Idle { get; set; }

        public double TickAgeMs => (Stopwatch.GetTimestamp() - Interlocked.Read(ref lastTick)) * 1000.0 / Stopwatch.Frequency;

        public int QueueDepth
        {
            get
            {
                lock (gate)
                {
                    return waiting.Count;
                }
            }
        }

        /// <inheritdoc/>
        public void Run(Action work)
        {
            Exception? failure = null;
            var done = false;
            lock (gate)
            {
                if (closed)
                {
                    throw new EnvironmentThreadGoneException("the main thread takes no more work");
                }
                if (waiting.Count >= capacity)
                {
                    throw new InvalidOperationException("the main thread's queue is full");
                }
                waiting.Enqueue(() =>
                {
                    try
                    {
                        work();
                    }
                    catch (Exception error)
                    {
                        failure = error;
                    }
                    lock (gate)
                    {
                        done = true;
                        Monitor.PulseAll(gate);
                    }
                });
                Monitor.PulseAll(gate);
            }
            WaitFor(() => done);
            if (failure != null)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(failure).Throw();
            }
        }

        private void WaitFor(Func<bool> done)
        {
            while (true)
            {
                lock (gate)
                {
                    if (!done() && !closed)
                    {
                        Monitor.Wait(gate, SliceMs);
                    }
                    if (done())
                    {
                        return;
                    }
                    if (closed)
                    {
                        throw new EnvironmentThreadGoneException("the main thread stopped");
                    }
                }
                Idle?.Invoke();
            }
        }

        /// <summary>
        /// Runs the waiting work. Called by the main thread, once a frame or more often. With a time to stay it also takes work that
        /// comes within that time, so frames do not slow a client that steps without pause; then it returns, so such a client does not
        /// hold up frames either.
        /// </summary>
        /// <returns>Pieces of work done.</returns>
        public int Pump(TimeSpan stay)
        {
            var count = 0;
            var began = Stopwatch.GetTimestamp();
            var now = began;
            Interlocked.Exchange(ref lastTick, now);
            while (TryTake(stay - Between(began, now), out var work))
            {
                work();
                count++;
                now = Stopwatch.GetTimestamp();
                Interlocked.Exchange(ref lastTick, now);
            }
            return count;
        }

        private static TimeSpan Between(long began, long now) => TimeSpan.FromSeconds((double)(now - began) / Stopwatch.Frequency);

        private bool TryTake(TimeSpan stay, out Action work)
        {
            lock (gate)
            {
                if (waiting.Count == 0 && stay > TimeSpan.Zero && !closed)
                {
                    Monitor.Wait(gate, stay);
                }
                var any = waiting.Count > 0;
                work = any ? waiting.Dequeue() : () => { };
                return any;
            }
        }

        /// <summary>Ends the waiting of both sides.</summary>
        public void Dispose()
        {
            lock (gate)
            {
                closed = true;
                waiting.Clear();
                Monitor.PulseAll(gate);
            }
        }
    }
}
