#nullable enable
using System;
using Rls3.Gym.Core;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>Materials of the package's own shaders, which lie in Resources so that no build strips them.</summary>
    public static class RoomMaterials
    {
        private static readonly int ColourId = Shader.PropertyToID("_Colour");
        private static readonly int GlossId = Shader.PropertyToID("_Gloss");
        private static readonly int SlotId = Shader.PropertyToID("_Slot");
        private static readonly int HalfId = Shader.PropertyToID("_Half");
        private static readonly int PatternId = Shader.PropertyToID("_Pattern");
        private static readonly int LowId = Shader.PropertyToID("_Low");
        private static readonly int HighId = Shader.PropertyToID("_High");
        private static readonly int PartId = Shader.PropertyToID("_Part");

        /// <summary>As the shader counts them, from 1.</summary>
        private static readonly string[] Patterns = { "planks", "tiles", "checker", "wood", "weave", "stripes", "panels" };

        /// <summary>The material of a part of an object; gloss is how much it mirrors the lamp.</summary>
        public static Material Object(Color colour, float gloss)
        {
            var material = Coloured("Rls3Object", colour);
            material.SetFloat(GlossId, gloss);
            return material;
        }

        /// <summary>The material of a surface of the room.</summary>
        /// <param name="colour">Its colour.</param>
        /// <param name="pattern">The catalog's pattern; null if there is none.</param>
        /// <param name="part">Index of the furniture that it is part of, or -1.</param>
        public static Material Surface(Color colour, WireValue? pattern, int part)
        {
            var material = Coloured("Rls3Room", colour);
            material.SetFloat(PartId, part);
            if (pattern != null)
            {
                var kind = Array.IndexOf(Patterns, pattern.Get("kind")?.Text) + 1;
                if (kind == 0)
                {
                    throw new CatalogException($"a surface has the pattern \"{pattern.Get("kind")?.Text}\", which Unity's rooms can't draw");
                }
                var size = pattern.Get("size")!.Items;
                material.SetVector(PatternId, new Vector4(kind, (float)size[0].Number, (float)size[1].Number, (float)(pattern.Get("contrast")?.Number ?? 1)));
            }
            return material;
        }

        /// <summary>Gives a surface the worn edges of a box with these corners, in millimetres of the world's frame.</summary>
        public static void SetEdges(Material surface, Vector3 low, Vector3 high)
        {
            surface.SetVector(LowId, new Vector4(low.x, low.y, low.z, 1f));
            surface.SetVector(HighId, new Vector4(high.x, high.y, high.z, 0f));
        }

        /// <summary>What the segmentation pass draws for these renderers, slot + 1, and the direction whose normals mirror the lamp.</summary>
        public static void SetSlot(Renderer[] renderers, int slot, Vector3 half, MaterialPropertyBlock block)
        {
            block.Clear();
            block.SetFloat(SlotId, slot + 1);
            block.SetVector(HalfId, half);
            foreach (var renderer in renderers)
            {
                renderer.SetPropertyBlock(block);
            }
        }

        private static Material Coloured(string shader, Color colour)
        {
            var material = new Material(Load(shader));
            // As a vector: a colour would be converted in a project with linear colours.
            material.SetVector(ColourId, new Vector4(colour.r, colour.g, colour.b, 1f));
            return material;
        }

        private static Shader Load(string name)
        {
            var shader = Resources.Load<Shader>(name);
            return shader != null ? shader : throw new InvalidOperationException($"the package's shader {name} is not in this build");
        }
    }
}
