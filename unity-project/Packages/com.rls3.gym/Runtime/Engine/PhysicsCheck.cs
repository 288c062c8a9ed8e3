#nullable enable
using System.Collections.Generic;
using Rls3.Gym.Core;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>
    /// Compares a state that Core holds valid with the physics engine. Core decides; this only reports colliders that overlap, as
    /// a mesh outside its collision box or a wrong scale would make them.
    /// </summary>
    public static class PhysicsCheck
    {
        /// <summary>Touching is no overlap: less than this many metres is not reported.</summary>
        private const float Tolerance = 0.002f;

        public static IReadOnlyList<string> Disagreements(RoomBuilder builder, RoomWorld world)
        {
            var found = new List<string>();
            builder.Show(world);
            Physics.SyncTransforms();
            var state = world.Objects;
            for (var slot = 0; slot * PlacementRules.Fields < state.Length; slot++)
            {
                var own = builder.ColliderOf(state[slot * PlacementRules.Fields]);
                var half = (own.size / 2f) - (Vector3.one * Tolerance);
                var centre = own.transform.TransformPoint(own.center);
                foreach (var other in Physics.OverlapBox(centre, half, own.transform.rotation))
                {
                    if (other != own)
                    {
                        found.Add($"{own.gameObject.name} overlaps {other.gameObject.name} in the physics engine, but not by the rules");
                    }
                }
            }
            return found;
        }
    }
}
