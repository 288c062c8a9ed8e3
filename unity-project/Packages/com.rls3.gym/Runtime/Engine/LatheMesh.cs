#nullable enable
using System.Collections.Generic;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>
    /// A profile turned about the vertical, in metres. Points are (radius, height, 0); it runs upwards on the outside, and down
    /// again inside what is hollow, and each side is seen from where it faces.
    /// </summary>
    public static class LatheMesh
    {
        /// <summary>Stretches whose normals are at least this near (cosine) are shaded as one curve, as the trainer's renderer does.</summary>
        private const float Smooth = 0.6f;

        /// <summary>The first stretch that runs downwards, where the inside begins; the profile's last point if none does.</summary>
        public static int InsideFrom(IReadOnlyList<Vector3> profile)
        {
            for (var at = 1; at < profile.Count; at++)
            {
                if (profile[at].y < profile[at - 1].y)
                {
                    return at - 1;
                }
            }
            return profile.Count - 1;
        }

        /// <param name="profile">All of it: the normals of the ends look at what follows.</param>
        /// <param name="first">The point that the mesh begins at.</param>
        /// <param name="last">The point that it ends at.</param>
        /// <param name="sides">Corners of each turn.</param>
        public static Mesh Create(IReadOnlyList<Vector3> profile, int first, int last, int sides)
        {
            var vertices = new List<Vector3>();
            var normals = new List<Vector3>();
            var triangles = new List<int>();
            for (var at = first; at < last; at++)
            {
                AddBand(triangles, vertices.Count, sides);
                for (var side = 0; side <= sides; side++)
                {
                    vertices.Add(Turned(profile[at], side, sides));
                    vertices.Add(Turned(profile[at + 1], side, sides));
                    normals.Add(Turned(Joint(profile, at, at - 1), side, sides));
                    normals.Add(Turned(Joint(profile, at, at + 1), side, sides));
                }
            }
            var mesh = new Mesh { name = "Lathe" };
            mesh.SetVertices(vertices);
            mesh.SetNormals(normals);
            mesh.SetTriangles(triangles, 0);
            mesh.RecalculateBounds();
            return mesh;
        }

        // Unity's front faces turn clockwise.
        private static void AddBand(List<int> triangles, int start, int sides)
        {
            for (var side = 0; side < sides; side++)
            {
                var at = start + (2 * side);
                triangles.AddRange(new[] { at, at + 1, at + 3, at, at + 3, at + 2 });
            }
        }

        // The normal of a stretch where it meets a neighbour: half way, unless there is an edge or no neighbour.
        private static Vector3 Joint(IReadOnlyList<Vector3> profile, int stretch, int neighbour)
        {
            var own = Normal(profile, stretch);
            if (neighbour < 0 || neighbour >= profile.Count - 1)
            {
                return own;
            }
            var other = Normal(profile, neighbour);
            return (own.x * other.x) + (own.y * other.y) < Smooth ? own : (own + other).normalized;
        }

        private static Vector3 Normal(IReadOnlyList<Vector3> profile, int stretch)
        {
            var from = profile[stretch];
            var to = profile[stretch + 1];
            return new Vector3(to.y - from.y, from.x - to.x, 0f).normalized;
        }

        private static Vector3 Turned(Vector3 point, int side, int sides)
        {
            var angle = 2f * Mathf.PI * side / sides;
            return new Vector3(point.x * Mathf.Cos(angle), point.y, point.x * Mathf.Sin(angle));
        }
    }
}
