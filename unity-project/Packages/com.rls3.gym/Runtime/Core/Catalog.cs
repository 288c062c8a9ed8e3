#nullable enable
using System.Collections.Generic;

namespace Rls3.Gym.Core
{
    /// <summary>One world, as the rules need it: integers in millimetres, right-handed, y up.</summary>
    public sealed class Catalog
    {
        public Catalog(string name, Rules rules, CatalogObject[] objects, Scene[] scenes, WireValue document)
        {
            Name = name;
            Rules = rules;
            Objects = objects;
            Scenes = scenes;
            Document = document;
        }

        public string Name { get; }

        public Rules Rules { get; }

        public IReadOnlyList<CatalogObject> Objects { get; }

        public IReadOnlyList<Scene> Scenes { get; }

        /// <summary>The JSON it was read from: what the welcome message sends, and where looks (colours, primitives, light) are.</summary>
        public WireValue Document { get; }
    }

    public readonly struct IntRange
    {
        public readonly int Low;
        public readonly int High;

        public IntRange(int low, int high)
        {
            Low = low;
            High = high;
        }
    }

    public sealed class Rules
    {
        public Rules(IntRange x, IntRange z, IntRange drop, int activeObjects, int supportPermille, bool stacking, int yawSteps, int minimumSeenPermille)
        {
            X = x;
            Z = z;
            Drop = drop;
            ActiveObjects = activeObjects;
            SupportPermille = supportPermille;
            Stacking = stacking;
            YawSteps = yawSteps;
            MinimumSeenPermille = minimumSeenPermille;
        }

        public IntRange X { get; }

        public IntRange Z { get; }

        public IntRange Drop { get; }

        public int ActiveObjects { get; }

        /// <summary>Share of the footprint's half sizes that must lie inside the surface, in thousandths.</summary>
        public int SupportPermille { get; }

        public bool Stacking { get; }

        public int YawSteps { get; }

        /// <summary>Share of an object's lattice points that must be seen, in thousandths.</summary>
        public int MinimumSeenPermille { get; }
    }

    public sealed class CatalogObject
    {
        public CatalogObject(int index, string name, int sizeX, int sizeY, int sizeZ, WireValue document)
        {
            Index = index;
            Name = name;
            SizeX = sizeX;
            SizeY = sizeY;
            SizeZ = sizeZ;
            Document = document;
        }

        public int Index { get; }

        public string Name { get; }

        /// <summary>Full sizes of the collision box.</summary>
        public int SizeX { get; }

        public int SizeY { get; }

        public int SizeZ { get; }

        public WireValue Document { get; }
    }

    /// <summary>A box of furniture, aligned with the room.</summary>
    public sealed class Furniture
    {
        public Furniture(string name, IntRange x, IntRange y, IntRange z)
        {
            Name = name;
            X = x;
            Y = y;
            Z = z;
            Box = new UprightBox(x.Low + x.High, y.Low, z.Low + z.High, x.High - x.Low, y.High - y.Low, z.High - z.Low, YawTable.Scale, 0);
        }

        public string Name { get; }

        public IntRange X { get; }

        public IntRange Y { get; }

        public IntRange Z { get; }

        public UprightBox Box { get; }
    }

    /// <summary>The camera of the rules: unit axes as integers scaled by 2^14, and where it stands.</summary>
    public readonly struct RuleCamera
    {
        public readonly IntVector Position;
        public readonly IntVector Right;
        public readonly IntVector Up;
        public readonly IntVector Forward;

        /// <summary>Half of the square image seen at distance 1, scaled by 2^14.</summary>
        public readonly int HalfField;

        public RuleCamera(IntVector position, IntVector right, IntVector up, IntVector forward, int halfField)
        {
            Position = position;
            Right = right;
            Up = up;
            Forward = forward;
            HalfField = halfField;
        }
    }

    public readonly struct IntVector
    {
        public readonly int X;
        public readonly int Y;
        public readonly int Z;

        public IntVector(int x, int y, int z)
        {
            X = x;
            Y = y;
            Z = z;
        }

        /// <summary>The dot product in 64 bits.</summary>
        public long Dot(long x, long y, long z) => (X * x) + (Y * y) + (Z * z);
    }

    public sealed class Scene
    {
        public Scene(int index, string name, int sizeX, int sizeY, int sizeZ, Furniture[] furniture, RuleCamera camera, WireValue document)
        {
            Index = index;
            Name = name;
            SizeX = sizeX;
            SizeY = sizeY;
            SizeZ = sizeZ;
            Furniture = furniture;
            Camera = camera;
            Document = document;
        }

        public int Index { get; }

        public string Name { get; }

        /// <summary>Full sizes of the room; its floor is centred on the origin.</summary>
        public int SizeX { get; }

        public int SizeY { get; }

        public int SizeZ { get; }

        /// <summary>An array and not a list: the rules walk it at each step, without an enumerator.</summary>
        public Furniture[] Furniture { get; }

        public RuleCamera Camera { get; }

        public WireValue Document { get; }
    }
}
