#nullable enable
using System.Collections.Generic;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>One flat face, seen from one side: a wall that is seen from behind hides nothing of the room.</summary>
    public static class FaceMesh
    {
        /// <param name="corner">One of its corners.</param>
        /// <param name="u">From there along one side.</param>
        /// <param name="v">And along the other; it faces where u × v points.</param>
        public static Mesh Create(Vector3 corner, Vector3 u, Vector3 v)
        {
            var normal = new Vector3((u.y * v.z) - (u.z * v.y), (u.z * v.x) - (u.x * v.z), (u.x * v.y) - (u.y * v.x)).normalized;
            var mesh = new Mesh { name = "Face" };
            mesh.SetVertices(new List<Vector3> { corner, corner + u, corner + u + v, corner + v });
            mesh.SetNormals(new List<Vector3> { normal, normal, normal, normal });
            // Unity's front faces turn clockwise.
            mesh.SetTriangles(new List<int> { 0, 1, 2, 0, 2, 3 }, 0);
            mesh.RecalculateBounds();
            return mesh;
        }
    }
}
