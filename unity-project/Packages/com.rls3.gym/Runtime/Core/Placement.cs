#nullable enable
namespace Rls3.Gym.Core
{
    /// <summary>Why a placement is not valid, in the order in which the rules are tested.</summary>
    public enum Reason
    {
        None = 0,
        Bounds = 1,
        Unsupported = 2,
        Furniture = 3,
        Object = 4,
        Hidden = 5,
    }

    /// <summary>What <see cref="Resting.With"/> counts.</summary>
    public enum Obstacle
    {
        None,
        Furniture,
        Object,
    }

    /// <summary>The object of catalog index Type takes the place of the one in Slot, dropped at X, Z from height Drop (mm).</summary>
    public readonly struct Placement
    {
        public readonly int Slot;
        public readonly int Type;
        public readonly int X;
        public readonly int Z;
        public readonly int Drop;
        public readonly int Yaw;

        public Placement(int slot, int type, int x, int z, int drop, int yaw)
        {
            Slot = slot;
            Type = type;
            X = x;
            Z = z;
            Drop = drop;
            Yaw = yaw;
        }
    }

    /// <summary>Where an object comes to rest, or why it does not.</summary>
    public readonly struct Resting
    {
        public readonly Reason Reason;

        /// <summary>Index of the furniture or slot of the object that stands in the way; −1 where there is none.</summary>
        public readonly int With;

        public readonly Obstacle Kind;

        /// <summary>Height of the surface it rests on.</summary>
        public readonly int Y;

        public Resting(Reason reason, Obstacle kind, int with, int y)
        {
            Reason = reason;
            Kind = kind;
            With = with;
            Y = y;
        }

        public bool Valid => Reason == Reason.None;

        public static string NameOf(Reason reason)
        {
            switch (reason)
            {
                case Reason.Bounds:
                    return "bounds";
                case Reason.Unsupported:
                    return "unsupported";
                case Reason.Furniture:
                    return "furniture";
                case Reason.Object:
                    return "object";
                case Reason.Hidden:
                    return "hidden";
                default:
                    return "none";
            }
        }
    }
}
