#nullable enable
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Rls3.Gym.Core
{
    /// <summary>Reads JSON (RFC 8259) into <see cref="WireValue"/>s. Unity has no System.Text.Json, and a catalog needs no more than this.</summary>
    public sealed class JsonReader
    {
        private const int DeepestNesting = 64;
        private readonly string text;
        private int at;

        private JsonReader(string text)
        {
            this.text = text;
        }

        /// <exception cref="FormatException">The text is not JSON; the message names line and column.</exception>
        public static WireValue Parse(string text)
        {
            var reader = new JsonReader(text);
            var value = reader.Value(0);
            reader.SkipSpace();
            if (reader.at != text.Length)
            {
                throw reader.Wrong("nothing more may follow the document");
            }
            return value;
        }

        private WireValue Value(int depth)
        {
            if (depth > DeepestNesting)
            {
                throw Wrong($"nested deeper than {DeepestNesting}");
            }
            SkipSpace();
            switch (Peek())
            {
                case '{':
                    return Map(depth);
                case '[':
                    return Array(depth);
                case '"':
                    return WireValue.Of(String());
                case 't':
                    return Word("true", WireValue.True);
                case 'f':
                    return Word("false", WireValue.False);
                case 'n':
                    return Word("null", WireValue.Nil);
                default:
                    return Number();
            }
        }

        private WireValue Map(int depth)
        {
            var keys = new List<string>();
            var values = new List<WireValue>();
            at++;
            SkipSpace();
            if (Take('}'))
            {
                return WireValue.EmptyMap;
            }
            do
            {
                SkipSpace();
                if (Peek() != '"')
                {
                    throw Wrong("a key in quotation marks is expected");
                }
                keys.Add(String());
                SkipSpace();
                Expect(':');
                values.Add(Value(depth + 1));
                SkipSpace();
            }
            while (Take(','));
            Expect('}');
            return WireValue.OfMap(keys.ToArray(), values.ToArray());
        }

        private WireValue Array(int depth)
        {
            var items = new List<WireValue>();
            at++;
            SkipSpace();
            if (Take(']'))
            {
                return WireValue.OfArray();
            }
            do
            {
                items.Add(Value(depth + 1));
                SkipSpace();
            }
            while (Take(','));
            Expect(']');
            return WireValue.OfArray(items.ToArray());
        }

        private string String()
        {
            var built = new StringBuilder();
            at++;
            while (true)
            {
                var c = Peek();
                if (c < ' ')
                {
                    throw Wrong("a string does not end");
                }
                at++;
                if (c == '"')
                {
                    return built.ToString();
                }
                built.Append(c == '\\' ? Escape() : c);
            }
        }

        private char Escape()
        {
            var c = Peek();
            at++;
            switch (c)
            {
                case 'b':
                    return '\b';
                case 'f':
                    return '\f';
                case 'n':
                    return '\n';
                case 'r':
                    return '\r';
                case 't':
                    return '\t';
                case '"':
                case '\\':
                case '/':
                    return c;
                case 'u':
                    if (at + 4 <= text.Length && ushort.TryParse(text.Substring(at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
                    {
                        at += 4;
                        return (char)code;
                    }
                    throw Wrong("four hexadecimal digits are expected after \\u");
                default:
                    throw Wrong("an unknown escape");
            }
        }

        private WireValue Number()
        {
            var start = at;
            Take('-');
            if (!Take('0'))
            {
                Digits();
            }
            if (Take('.'))
            {
                Digits();
            }
            if (Take('e') || Take('E'))
            {
                if (!Take('+'))
                {
                    Take('-');
                }
                Digits();
            }
            return WireValue.Of(double.Parse(text.Substring(start, at - start), NumberStyles.Float, CultureInfo.InvariantCulture));
        }

        private void Digits()
        {
            var start = at;
            while (Peek() >= '0' && Peek() <= '9')
            {
                at++;
            }
            if (at == start)
            {
                throw Wrong("a value is expected");
            }
        }

        private WireValue Word(string word, WireValue value)
        {
            if (string.CompareOrdinal(text, at, word, 0, word.Length) != 0)
            {
                throw Wrong("a value is expected");
            }
            at += word.Length;
            return value;
        }

        private char Peek() => at < text.Length ? text[at] : '\0';

        private bool Take(char c)
        {
            if (Peek() != c)
            {
                return false;
            }
            at++;
            return true;
        }

        private void Expect(char c)
        {
            if (!Take(c))
            {
                throw Wrong($"\"{c}\" is expected");
            }
        }

        private void SkipSpace()
        {
            while (Peek() == ' ' || Peek() == '\n' || Peek() == '\r' || Peek() == '\t')
            {
                at++;
            }
        }

        private FormatException Wrong(string what)
        {
            var line = 1;
            var column = 1;
            for (var i = 0; i < at && i < text.Length; i++)
            {
                column = text[i] == '\n' ? 1 : column + 1;
                line += text[i] == '\n' ? 1 : 0;
            }
            return new FormatException($"line {line}, column {column}: {what}");
        }
    }
}
