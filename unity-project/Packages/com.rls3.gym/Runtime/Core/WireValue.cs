#nullable enable
using System;
using System.Collections.Generic;

namespace Rls3.Gym.Core
{
    /// <summary>What JSON and msgpack have in common: nil, booleans, numbers, strings, arrays and maps with string keys.</summary>
    public sealed class WireValue
    {
        public enum Kinds
        {
            Nil,
            Boolean,
            Number,
            String,
            Array,
            Map,
        }

        public static readonly WireValue Nil = new WireValue(Kinds.Nil, 0, null, null, null);
        public static readonly WireValue True = new WireValue(Kinds.Boolean, 1, null, null, null);
        public static readonly WireValue False = new WireValue(Kinds.Boolean, 0, null, null, null);
        public static readonly WireValue EmptyMap = OfMap(Array.Empty<string>(), Array.Empty<WireValue>());

        private readonly double number;
        private readonly string? text;
        private readonly WireValue[]? items;
        private readonly string[]? keys;

        private WireValue(Kinds kind, double number, string? text, WireValue[]? items, string[]? keys)
        {
            Kind = kind;
            this.number = number;
            this.text = text;
            this.items = items;
            this.keys = keys;
        }

        public Kinds Kind { get; }

        /// <summary>Elements of an array, or values of a map in the order of <see cref="Keys"/>; else empty.</summary>
        public IReadOnlyList<WireValue> Items => items ?? Array.Empty<WireValue>();

        public IReadOnlyList<string> Keys => keys ?? Array.Empty<string>();

        public bool IsNil => Kind == Kinds.Nil;

        /// <summary>The number; only of <see cref="Kinds.Number"/>. Integers up to 2^53 are exact.</summary>
        public double Number => number;

        public bool Boolean => number != 0;

        public string Text => text ?? "";

        public static WireValue Of(bool value) => value ? True : False;

        public static WireValue Of(double value) => new WireValue(Kinds.Number, value, null, null, null);

        public static WireValue Of(string value) => new WireValue(Kinds.String, 0, value, null, null);

        public static WireValue OfArray(params WireValue[] items) => new WireValue(Kinds.Array, 0, null, items, null);

        public static WireValue OfMap(string[] keys, WireValue[] values)
        {
            if (keys.Length != values.Length)
            {
                throw new ArgumentException("a map needs as many values as keys");
            }
            return new WireValue(Kinds.Map, 0, null, values, keys);
        }

        /// <summary>The value of a key; null if this is no map or has no such key. A key given twice counts with its last value.</summary>
        public WireValue? Get(string key)
        {
            if (keys == null || items == null)
            {
                return null;
            }
            for (var i = keys.Length - 1; i >= 0; i--)
            {
                if (keys[i] == key)
                {
                    return items[i];
                }
            }
            return null;
        }

        public bool IsInteger(out long value)
        {
            value = 0;
            if (Kind != Kinds.Number || Math.Floor(number) != number || Math.Abs(number) > 9007199254740991.0)
            {
                return false;
            }
            value = (long)number;
            return true;
        }

        /// <summary>Writes this value, whatever it holds.</summary>
        public void WriteTo(IWireWriter writer)
        {
            switch (Kind)
            {
                case Kinds.Nil:
                    writer.Nil();
                    break;
                case Kinds.Boolean:
                    writer.Value(Boolean);
                    break;
                case Kinds.Number:
                    writer.Value(number);
                    break;
                case Kinds.String:
                    writer.Value(Text);
                    break;
                case Kinds.Array:
                    writer.BeginArray();
                    foreach (var item in Items)
                    {
                        item.WriteTo(writer);
                    }
                    writer.EndArray();
                    break;
                default:
                    writer.BeginMap();
                    for (var i = 0; i < Items.Count; i++)
                    {
                        writer.Key(Keys[i]);
                        Items[i].WriteTo(writer);
                    }
                    writer.EndMap();
                    break;
            }
        }
    }

    /// <summary>
    /// Writes values one after another, without building a tree of them first. Maps and arrays count what is written into them;
    /// what does not fit, such as a value without a key or a map that is not ended, throws InvalidOperationException.
    /// </summary>
    public interface IWireWriter
    {
        /// <summary>Begins a map, which is one value where it stands: a Key and a value for each entry, then EndMap.</summary>
        void BeginMap();

        void EndMap();

        /// <summary>Begins an array, which is one value where it stands: its values, then EndArray.</summary>
        void BeginArray();

        void EndArray();

        void Key(string key);

        void Nil();

        void Value(bool value);

        void Value(double value);

        void Value(string value);
    }
}
