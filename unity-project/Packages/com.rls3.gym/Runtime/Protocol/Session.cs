#nullable enable
namespace Rls3.Gym.Protocol
{
    /// <summary>One client's session: what it asked last, and the last replies, for requests that it sends again.</summary>
    internal sealed class Session
    {
        private readonly byte[][]?[] replies;

        public Session(string sid, string client, long maxFrameBytes, long req, int maxInFlight)
        {
            Sid = sid;
            Client = client;
            MaxFrameBytes = maxFrameBytes;
            FirstReq = req;
            LastReq = req;
            replies = new byte[maxInFlight][][];
        }

        public string Sid { get; }

        public string Client { get; }

        public long MaxFrameBytes { get; }

        /// <summary>The request that opened the session.</summary>
        public long FirstReq { get; }

        /// <summary>The last request executed.</summary>
        public long LastReq { get; private set; }

        public double LastHeard { get; set; }

        public void Keep(long req, byte[][] reply)
        {
            LastReq = req;
            replies[req % replies.Length] = reply;
        }

        /// <summary>The reply to a request that was executed, null if it is not kept any more.</summary>
        public byte[][]? Kept(long req) => req > LastReq - replies.Length ? replies[req % replies.Length] : null;
    }
}
