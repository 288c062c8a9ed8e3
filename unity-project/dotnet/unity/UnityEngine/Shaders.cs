using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace UnityEngine.StandIn
{
    /// <summary>
    /// A value that a shader reads: the renderer's block, the material, the property's default, and only for what the shader
    /// does not declare the global one (ScriptReference Shader.SetGlobalFloat).
    /// </summary>
    internal readonly struct Uniforms
    {
        private readonly Renderer renderer;

        public Uniforms(Renderer renderer) => this.renderer = renderer;

        public Vector4 this[string name]
        {
            get
            {
                var id = Shader.PropertyToID(name);
                var material = renderer.sharedMaterial;
                return renderer.Block.TryGetValue(id, out var value) || material.Values.TryGetValue(id, out value)
                    || material.Shader.File.Defaults.TryGetValue(id, out value) || Shader.Globals.TryGetValue(id, out value)
                    ? value
                    : default;
            }
        }
    }

    internal interface IFragments
    {
        /// <summary>False: discard.</summary>
        bool Shade(Vector3 normal, Vector3 local, out Vector4 colour);
    }

    /// <summary>
    /// A .shader file of the package: its states are read from it (Manual ShaderLab: Cull, ZWrite, Offset, Blend, Queue), its
    /// program is one of <see cref="Fragments"/>, which is held to the file's text by a hash.
    /// </summary>
    internal sealed class ShaderFile
    {
        private static readonly Dictionary<string, Shader> Loaded = new Dictionary<string, Shader>();
        private readonly Func<Uniforms, IFragments> program;

        private ShaderFile(string text)
        {
            var name = Regex.Match(text, "Shader \"([^\"]*)\"").Groups[1].Value;
            var code = Regex.Match(text, @"HLSLPROGRAM(.*?)ENDHLSL", RegexOptions.Singleline).Groups[1].Value;
            program = Fragments.Of(name, Hash(code));
            foreach (Match property in Regex.Matches(text, @"^\s*(\w+) \(""[^""]*"", [^=]*= (.*)$", RegexOptions.Multiline))
            {
                var numbers = Regex.Matches(property.Groups[2].Value, @"-?[\d.]+").Cast<Match>().Select(match => float.Parse(match.Value, CultureInfo.InvariantCulture)).ToArray();
                float Number(int at) => at < numbers.Length ? numbers[at] : 0f;
                Defaults[Shader.PropertyToID(property.Groups[1].Value)] = new Vector4(Number(0), Number(1), Number(2), Number(3));
            }
            Transparent = text.Contains("\"Queue\" = \"Transparent\"");
            WritesDepth = !text.Contains("ZWrite Off");
            Multiplies = text.Contains("Blend DstColor Zero");
            var offset = Regex.Match(text, @"Offset (-?[\d.]+), (-?[\d.]+)");
            OffsetFactor = offset.Success ? float.Parse(offset.Groups[1].Value, CultureInfo.InvariantCulture) : 0f;
            OffsetUnits = offset.Success ? float.Parse(offset.Groups[2].Value, CultureInfo.InvariantCulture) : 0f;
            if (!text.Contains("Cull Back") || (text.Contains("Blend ") && !Multiplies))
            {
                throw new NotSupportedException($"shader {name}: the stand-in draws with Cull Back, and blends with DstColor Zero or not at all");
            }
        }

        public Dictionary<int, Vector4> Defaults { get; } = new Dictionary<int, Vector4>();

        public bool Transparent { get; }

        public bool WritesDepth { get; }

        public bool Multiplies { get; }

        public float OffsetFactor { get; }

        public float OffsetUnits { get; }

        public static Shader Load(string name)
        {
            var path = Path.Combine(Player.Options.Resources, name + ".shader");
            if (!Loaded.TryGetValue(path, out var shader) && File.Exists(path))
            {
                shader = new Shader { File = new ShaderFile(File.ReadAllText(path)), name = name };
                Loaded[path] = shader;
            }
            return shader;
        }

        /// <summary>Null where it discards everything.</summary>
        public IFragments Begin(Uniforms uniforms) => program(uniforms);

        private static string Hash(string code)
        {
            var bare = Regex.Replace(Regex.Replace(code, "//.*", ""), @"\s+", " ").Trim();
            using var hash = SHA256.Create();
            return string.Concat(hash.ComputeHash(Encoding.UTF8.GetBytes(bare)).Take(8).Select(one => one.ToString("x2")));
        }
    }

    /// <summary>The package's fragment programs, line for line in C#.</summary>
    internal static class Fragments
    {
        private static readonly Dictionary<string, (string Hash, Func<Uniforms, IFragments> Program)> Known = new Dictionary<string, (string, Func<Uniforms, IFragments>)>
        {
            ["RLS3/Room"] = ("c8a9ba8f2bb9831d", Room.Begin),
            ["RLS3/ContactShadow"] = ("912e0ed3a57fb04d", ContactShadow.Begin),
        };

        public static Func<Uniforms, IFragments> Of(string name, string hash)
        {
            var known = Known[name];
            return known.Hash == hash ? known.Program : throw new InvalidOperationException(
                $"shader {name} is no longer what the stand-in draws: bring Shaders.cs to its text, and its hash to {hash}");
        }

        private sealed class Room : IFragments
        {
            private readonly bool slots;
            private readonly float slot;
            private readonly Vector3 colour;
            private readonly Vector4 shading;
            private readonly Vector3 light;

            private Room(Uniforms uniforms)
            {
                slots = uniforms["_GymSlots"].X > 0.5f;
                slot = uniforms["_Slot"].X;
                colour = uniforms["_Colour"].Xyz;
                shading = uniforms["_GymShading"];
                light = uniforms["_GymLight"].Xyz.normalized;
            }

            public static IFragments Begin(Uniforms uniforms)
            {
                var only = uniforms["_GymOnlySlot"].X;
                return only > 0.5f && Math.Abs(uniforms["_Slot"].X - only) > 0.5f ? null : new Room(uniforms);
            }

            public bool Shade(Vector3 normal, Vector3 local, out Vector4 result)
            {
                if (slots)
                {
                    result = new Vector4(slot / 255f, 0f, 0f, 1f);
                    return true;
                }
                var lambert = Mathf.Clamp(Geometry.Dot(normal.normalized, light), 0f, 1f);
                var lit = colour * (shading.X + (shading.Y * lambert));
                result = new Vector4(lit.x, lit.y, lit.z, 1f);
                return true;
            }
        }

        private sealed class ContactShadow : IFragments
        {
            private readonly float darkness;

            private ContactShadow(Uniforms uniforms) => darkness = uniforms["_Darkness"].X;

            public static IFragments Begin(Uniforms uniforms) =>
                uniforms["_GymSlots"].X > 0.5f || uniforms["_GymOnlySlot"].X > 0.5f ? null : new ContactShadow(uniforms);

            public bool Shade(Vector3 normal, Vector3 local, out Vector4 result)
            {
                result = new Vector4(darkness, darkness, darkness, 1f);
                return true;
            }
        }
    }
}
