#nullable enable
using System.Collections.Generic;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>
    /// A cube of side 1 about its middle. Unity's own comes with GameObject.CreatePrimitive, which fails in a player whose
    /// unused colliders were stripped.
    /// </summary>
    public static class BoxMesh
    {
        private static readonly Vector3[] Axes = { new Vector3(1f, 0f, 0f), new Vector3(0f, 1f, 0f), new Vector3(0f, 0f, 1f) };

        public static Mesh Create()
        {
            var vertices = new List<Vector3>();
            var normals = new List<Vector3>();
            var triangles = new List<int>();
            for (var axis = 0; axis < 3; axis++)
            {
                AddFace(Axes[axis], Axes[(axis + 1) % 3], Axes[(axis + 2) % 3], vertices, normals, triangles);
                AddFace(Axes[axis] * -1f, Axes[(axis + 2) % 3], Axes[(axis + 1) % 3], vertices, normals, triangles);
            }
            var mesh = new Mesh { name = "Box" };
            mesh.SetVertices(vertices);
            mesh.SetNormals(normals);
            mesh.SetTriangles(triangles, 0);
            mesh.RecalculateBounds();
            return mesh;
        }

        // Unity's front faces turn clockwise.
        private static void AddFace(Vector3 normal, Vector3 u, Vector3 v, List<Vector3> vertices, List<Vector3> normals, List<int> triangles)
        {
            var at = vertices.Count;
            for (var corner = 0; corner < 4; corner++)
            {
                vertices.Add((normal + (u * (corner / 2 == 0 ? -1f : 1f)) + (v * (corner % 2 == 0 ? -1f : 1f))) / 2f);
                normals.Add(normal);
            }
            triangles.AddRange(new[] { at, at + 2, at + 3, at, at + 3, at + 1 });
        }
    }
}
