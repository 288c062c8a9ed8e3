#nullable enable
using System;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>Materials of the package's own shaders, which lie in Resources so that no build strips them.</summary>
    public static class RoomMaterials
    {
        private static readonly int ColourId = Shader.PropertyToID("_Colour");
        private static readonly int SlotId = Shader.PropertyToID("_Slot");
        private static readonly int DarknessId = Shader.PropertyToID("_Darkness");

        public static Material Solid(Color colour)
        {
            var material = new Material(Load("Rls3Room"));
            // As a vector: a colour would be converted in a project with linear colours.
            material.SetVector(ColourId, new Vector4(colour.r, colour.g, colour.b, 1f));
            return material;
        }

        public static Material ContactShadow(float darkness)
        {
            var material = new Material(Load("Rls3ContactShadow"));
            material.SetFloat(DarknessId, darkness);
            return material;
        }

        /// <summary>What the segmentation pass draws for these renderers: slot + 1.</summary>
        public static void SetSlot(Renderer[] renderers, int slot, MaterialPropertyBlock block)
        {
            block.Clear();
            block.SetFloat(SlotId, slot + 1);
            foreach (var renderer in renderers)
            {
                renderer.SetPropertyBlock(block);
            }
        }

        private static Shader Load(string name)
        {
            var shader = Resources.Load<Shader>(name);
            return shader != null ? shader : throw new InvalidOperationException($"the package's shader {name} is not in this build");
        }
    }
}
