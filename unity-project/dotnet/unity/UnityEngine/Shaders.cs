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

        public Vector4[] Array(string name) => Shader.Arrays.TryGetValue(Shader.PropertyToID(name), out var values) ? values : System.Array.Empty<Vector4>();
    }

    internal interface IFragments
    {
        /// <summary>The colour of a fragment. Neither program discards only some of a surface's fragments.</summary>
        Vector4 Shade(Vector3 normal, Vector3 world);
    }

    /// <summary>
    /// A .shader file of the package or its samples: opaque, with back faces culled (Manual ShaderLab: Cull, Blend), its defaults read from it. Its
    /// program is one of <see cref="Fragments"/>; a hash ties it to the file's text.
    /// </summary>
    internal sealed class ShaderFile
    {
        private static readonly Dictionary<string, Shader> Loaded = new Dictionary<string, Shader>();
        private readonly Func<Uniforms, IFragments> program;

        private ShaderFile(string text)
        {
            var name = Regex.Match(text, "Shader \"([^\"]*)\"").Groups[1].Value;
            var code = string.Concat(Regex.Matches(text, @"HLSL(?:INCLUDE|PROGRAM)(.*?)ENDHLSL", RegexOptions.Singleline).Cast<Match>().Select(block => block.Groups[1].Value));
            program = Fragments.Of(name, Hash(code));
            foreach (Match property in Regex.Matches(text, @"^\s*(\w+) \(""[^""]*"", [^=]*= (.*)$", RegexOptions.Multiline))
            {
                var numbers = Regex.Matches(property.Groups[2].Value, @"-?[\d.]+").Cast<Match>().Select(match => float.Parse(match.Value, CultureInfo.InvariantCulture)).ToArray();
                float Number(int at) => at < numbers.Length ? numbers[at] : 0f;
                Defaults[Shader.PropertyToID(property.Groups[1].Value)] = new Vector4(Number(0), Number(1), Number(2), Number(3));
            }
            HasDepthPass = Regex.IsMatch(text, @"Pass\s*\{\s*Tags \{ ""LightMode"" = ""DepthOnly"" \}");
            if (!text.Contains("Cull Back") || Regex.IsMatch(text, @"\b(Blend|ZWrite|ZTest|Offset|Stencil) "))
            {
                throw new NotSupportedException($"shader {name}: the stand-in draws opaque faces with Cull Back, and knows no other state");
            }
        }

        /// <summary>Whether URP has a pass to draw its depth alone.</summary>
        public bool HasDepthPass { get; }

        public Dictionary<int, Vector4> Defaults { get; } = new Dictionary<int, Vector4>();

        public static Shader Load(string name) => Open(Path.Combine(Player.Options.Resources, name + ".shader"));

        /// <summary>Null if there is no such file.</summary>
        public static Shader Open(string path)
        {
            if (!Loaded.TryGetValue(path, out var shader) && File.Exists(path))
            {
                shader = new Shader { File = new ShaderFile(File.ReadAllText(path)), name = Path.GetFileNameWithoutExtension(path) };
                Loaded[path] = shader;
            }
            return shader;
        }

        /// <summary>Null if it discards everything.</summary>
        public IFragments Begin(Uniforms uniforms) => program(uniforms);

        private static string Hash(string code)
        {
            var bare = Regex.Replace(Regex.Replace(code, "//.*", ""), @"\s+", " ").Trim();
            using var hash = SHA256.Create();
            return string.Concat(hash.ComputeHash(Encoding.UTF8.GetBytes(bare)).Take(8).Select(one => one.ToString("x2")));
        }
    }

    /// <summary>The package's fragment programs, in C#.</summary>
    internal static class Fragments
    {
        private static readonly Dictionary<string, (string Hash, Func<Uniforms, IFragments> Program)> Known = new Dictionary<string, (string, Func<Uniforms, IFragments>)>
        {
            ["RLS3/Object"] = ("bbd8276a53705c65", ObjectFragments.Begin),
            ["RLS3/Samples/Plain"] = ("2513d39a3fa974d3", PlainFragments.Begin),
            ["RLS3/Room"] = ("735513f6140266ce", RoomFragments.Begin),
        };

        public static Func<Uniforms, IFragments> Of(string name, string hash)
        {
            var known = Known[name];
            return known.Hash == hash ? known.Program : throw new InvalidOperationException(
                $"shader {name} is no longer what the stand-in draws: bring Shaders.cs to its text, and its hash to {hash}");
        }
    }
}
