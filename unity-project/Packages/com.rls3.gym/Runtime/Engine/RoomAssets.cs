#nullable enable
using System;
using System.Collections.Generic;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>
    /// The materials and meshes of one room, each made once. What a script creates stays until it is destroyed, even if nothing
    /// shows it any more, so these are destroyed with the room.
    /// </summary>
    internal sealed class RoomAssets : IDisposable
    {
        private readonly Dictionary<(Color, float), Material> objects = new Dictionary<(Color, float), Material>();
        private readonly List<UnityEngine.Object> made = new List<UnityEngine.Object>();
        private readonly Dictionary<int, Mesh> balls = new Dictionary<int, Mesh>();
        private Mesh? box;

        /// <summary>A cube of side 1 about its middle.</summary>
        public Mesh Box => box ??= Keep(BoxMesh.Create());

        /// <summary>A sphere of diameter 1 about its middle.</summary>
        public Mesh Ball(int sides) => balls.TryGetValue(sides, out var ball) ? ball : balls[sides] = Keep(BallMesh.Create(sides));

        /// <summary>The material of a part of an object.</summary>
        public Material Object(Color colour, float gloss)
        {
            if (!objects.TryGetValue((colour, gloss), out var material))
            {
                objects[(colour, gloss)] = material = Keep(RoomMaterials.Object(colour, gloss));
            }
            return material;
        }

        /// <summary>Destroys it with the others.</summary>
        public T Keep<T>(T asset)
            where T : UnityEngine.Object
        {
            made.Add(asset);
            return asset;
        }

        public void Dispose()
        {
            foreach (var asset in made)
            {
                Destroy(asset);
            }
            made.Clear();
        }

        /// <summary>Destroys an object, in Play and outside it.</summary>
        public static void Destroy(UnityEngine.Object asset)
        {
            if (Application.isPlaying)
            {
                UnityEngine.Object.Destroy(asset);
            }
            else
            {
                UnityEngine.Object.DestroyImmediate(asset);
            }
        }
    }
}
