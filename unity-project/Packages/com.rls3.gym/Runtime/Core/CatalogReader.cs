#nullable enable
using System;
using System.Collections.Generic;
using System.IO;

namespace Rls3.Gym.Core
{
    /// <summary>A catalog that the rules can't use: the message says which file, which place in it, and what is wrong there.</summary>
    public sealed class CatalogException : Exception
    {
        public CatalogException(string message)
            : base(message)
        {
        }
    }

    /// <summary>
    /// Reads catalogs (Catalog~/*.json). Checks all that the rules rely on; catalog.schema.json, which the
    /// trainer holds files to, says more about looks.
    /// </summary>
    public static class CatalogReader
    {
        private const int LargestLength = 20000;
        private const int LargestObject = 5000;

        public static Catalog Load(string file)
        {
            string text;
            try
            {
                text = File.ReadAllText(file);
            }
            catch (Exception error) when (error is IOException || error is UnauthorizedAccessException)
            {
                throw new CatalogException($"no catalog can be read at {file}: {error.Message}");
            }
            return Parse(text, file);
        }

        /// <param name="text">The catalog's JSON.</param>
        /// <param name="source">The file it came from, for messages.</param>
        public static Catalog Parse(string text, string source)
        {
            try
            {
                return Read(JsonReader.Parse(text));
            }
            catch (FormatException error)
            {
                throw new CatalogException($"{source} is not JSON: {error.Message}");
            }
            catch (CatalogException error)
            {
                throw new CatalogException($"{source}: {error.Message}");
            }
        }

        private static Catalog Read(WireValue document)
        {
            var rules = ReadRules(document);
            var objects = Each(document, "", "objects", ReadObject).ToArray();
            if (objects.Length <= rules.ActiveObjects)
            {
                throw Wrong("/objects", $"must be more than the {rules.ActiveObjects} active ones, or none could come in");
            }
            var tangent = Field(Field(document, "", "camera"), "/camera", "halfFieldTangent");
            if (tangent.Kind != WireValue.Kinds.Number || !(tangent.Number > 0))
            {
                throw Wrong("/camera/halfFieldTangent", "must be a number above 0");
            }
            var halfField = (int)Math.Floor((tangent.Number * YawTable.Scale) + 0.5);
            var scenes = Each(document, "", "scenes", (value, at, index) => ReadScene(value, at, index, halfField)).ToArray();
            if (scenes.Length == 0)
            {
                throw Wrong("/scenes", "must hold at least one");
            }
            return new Catalog(Text(document, "", "name"), rules, objects, scenes, document);
        }

        private static Rules ReadRules(WireValue document)
        {
            const string at = "/rules";
            var rules = Field(document, "", "rules");
            var range = Field(rules, at, "placementRange");
            var yawSteps = Integer(rules, at, "yawSteps", 1, YawTable.Steps);
            if (YawTable.Steps % yawSteps != 0)
            {
                throw Wrong(at + "/yawSteps", $"must divide {YawTable.Steps}");
            }
            var stacking = Field(rules, at, "stacking");
            if (stacking.Kind != WireValue.Kinds.Boolean)
            {
                throw Wrong(at + "/stacking", "must be true or false");
            }
            return new Rules(
                Interval(range, at + "/placementRange", "x"),
                Interval(range, at + "/placementRange", "z"),
                Interval(range, at + "/placementRange", "drop"),
                Integer(rules, at, "activeObjects", 1, 16),
                Permille(rules, at, "supportFootprint"),
                stacking.Boolean,
                yawSteps,
                Permille(rules, at, "minimumSeen"));
        }

        private static CatalogObject ReadObject(WireValue value, string at, int index)
        {
            var size = Vector(Field(value, at, "collision"), at + "/collision", "size", 1, LargestObject);
            return new CatalogObject(index, Text(value, at, "name"), size.X, size.Y, size.Z, value);
        }

        private static Scene ReadScene(WireValue value, string at, int index, int halfField)
        {
            var size = Vector(value, at, "size", 1, LargestLength);
            var furniture = Each(value, at, "furniture", (box, place, number) => ReadFurniture(box, place, number, size)).ToArray();
            var camera = Field(value, at, "camera");
            var position = Vector(camera, at + "/camera", "position", -LargestLength, LargestLength);
            var target = Vector(camera, at + "/camera", "target", -LargestLength, LargestLength);
            if (position.X == target.X && position.Z == target.Z)
            {
                throw Wrong(at + "/camera", "must not look straight up or down: it would have no left and right");
            }
            return new Scene(index, Text(value, at, "name"), size.X, size.Y, size.Z, furniture, Camera(position, target, halfField), value);
        }

        private static Furniture ReadFurniture(WireValue value, string at, int number, IntVector room)
        {
            var x = Interval(value, at, "x");
            var y = Interval(value, at, "y");
            var z = Interval(value, at, "z");
            Inside(at + "/x", 2 * x.Low >= -room.X && 2 * x.High <= room.X);
            Inside(at + "/y", y.Low >= 0 && y.High <= room.Y);
            Inside(at + "/z", 2 * z.Low >= -room.Z && 2 * z.High <= room.Z);
            var name = value.Get("name");
            return new Furniture(name == null ? $"furniture {number}" : name.Text, x, y, z);
        }

        private static void Inside(string at, bool inside)
        {
            if (!inside)
            {
                throw Wrong(at, "must lie in the room");
            }
        }

        // Products, square roots and divisions of doubles, each rounded once by IEEE 754, then to 2^-14: the same anywhere.
        private static RuleCamera Camera(IntVector position, IntVector target, int halfField)
        {
            double x = target.X - position.X;
            double y = target.Y - position.Y;
            double z = target.Z - position.Z;
            return new RuleCamera(
                position,
                Scaled(-z, 0, x),
                Scaled(-x * y, (z * z) + (x * x), -y * z),
                Scaled(x, y, z),
                halfField);
        }

        private static IntVector Scaled(double x, double y, double z)
        {
            var length = Math.Sqrt((x * x) + (y * y) + (z * z));
            return new IntVector(Rounded(x, length), Rounded(y, length), Rounded(z, length));
        }

        private static int Rounded(double value, double length) => (int)Math.Floor(((value * YawTable.Scale) / length) + 0.5);

        private static List<T> Each<T>(WireValue parent, string at, string key, Func<WireValue, string, int, T> read)
        {
            var array = Field(parent, at, key);
            if (array.Kind != WireValue.Kinds.Array)
            {
                throw Wrong($"{at}/{key}", "must be an array");
            }
            var made = new List<T>(array.Items.Count);
            for (var i = 0; i < array.Items.Count; i++)
            {
                made.Add(read(array.Items[i], $"{at}/{key}/{i}", i));
            }
            return made;
        }

        private static WireValue Field(WireValue parent, string at, string key) =>
            parent.Get(key) ?? throw Wrong($"{at}/{key}", "is missing");

        private static string Text(WireValue parent, string at, string key)
        {
            var value = Field(parent, at, key);
            return value.Kind == WireValue.Kinds.String ? value.Text : throw Wrong($"{at}/{key}", "must be text");
        }

        private static int Integer(WireValue parent, string at, string key, int low, int high) =>
            Integer(Field(parent, at, key), $"{at}/{key}", low, high);

        private static int Integer(WireValue value, string at, int low, int high) =>
            value.IsInteger(out var integer) && integer >= low && integer <= high
                ? (int)integer
                : throw Wrong(at, $"must be a whole number from {low} to {high}");

        private static IntRange Interval(WireValue parent, string at, string key)
        {
            var value = Field(parent, at, key);
            if (value.Kind != WireValue.Kinds.Array || value.Items.Count != 2)
            {
                throw Wrong($"{at}/{key}", "must be [low, high]");
            }
            var low = Integer(value.Items[0], $"{at}/{key}/0", -LargestLength, LargestLength);
            var high = Integer(value.Items[1], $"{at}/{key}/1", -LargestLength, LargestLength);
            return low < high ? new IntRange(low, high) : throw Wrong($"{at}/{key}", $"must grow: [low, high], not [{low}, {high}]");
        }

        private static IntVector Vector(WireValue parent, string at, string key, int low, int high)
        {
            var value = Field(parent, at, key);
            if (value.Kind != WireValue.Kinds.Array || value.Items.Count != 3)
            {
                throw Wrong($"{at}/{key}", "must be [x, y, z]");
            }
            return new IntVector(
                Integer(value.Items[0], $"{at}/{key}/0", low, high),
                Integer(value.Items[1], $"{at}/{key}/1", low, high),
                Integer(value.Items[2], $"{at}/{key}/2", low, high));
        }

        private static int Permille(WireValue parent, string at, string key)
        {
            var value = Field(parent, at, key);
            return value.Kind == WireValue.Kinds.Number && value.Number >= 0 && value.Number <= 1
                ? (int)Math.Floor((value.Number * 1000) + 0.5)
                : throw Wrong($"{at}/{key}", "must be a number from 0 to 1");
        }

        private static CatalogException Wrong(string at, string what) => new CatalogException($"{at} {what}");
    }
}
