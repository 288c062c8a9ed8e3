#nullable enable
using System.Collections.Generic;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>A frustum that stands on its base, in metres. Unity has cubes and spheres, but no cone cut off.</summary>
    public static class FrustumMesh
    {
        public static Mesh Create(float bottomRadius, float topRadius, float height, int sides)
        {
            var vertices = new List<Vector3>();
            var normals = new List<Vector3>();
            var triangles = new List<int>();
            AddWall(bottomRadius, topRadius, height, sides, vertices, normals, triangles);
            AddDisc(bottomRadius, 0f, Vector3.down, sides, vertices, normals, triangles);
            AddDisc(topRadius, height, Vector3.up, sides, vertices, normals, triangles);
            var mesh = new Mesh { name = "Frustum" };
            mesh.SetVertices(vertices);
            mesh.SetNormals(normals);
            mesh.SetTriangles(triangles, 0);
            mesh.RecalculateBounds();
            return mesh;
        }

        private static void AddWall(float bottom, float top, float height, int sides, List<Vector3> vertices, List<Vector3> normals, List<int> triangles)
        {
            var slope = (bottom - top) / height;
            for (var i = 0; i <= sides; i++)
            {
                var outward = Outward(i, sides);
                var normal = (outward + (Vector3.up * slope)).normalized;
                vertices.Add(outward * bottom);
                vertices.Add((outward * top) + (Vector3.up * height));
                normals.Add(normal);
                normals.Add(normal);
            }
            // Unity's front faces turn clockwise.
            for (var i = 0; i < sides; i++)
            {
                var at = 2 * i;
                triangles.AddRange(new[] { at, at + 1, at + 3, at, at + 3, at + 2 });
            }
        }

        private static void AddDisc(float radius, float height, Vector3 normal, int sides, List<Vector3> vertices, List<Vector3> normals, List<int> triangles)
        {
            var middle = vertices.Count;
            vertices.Add(Vector3.up * height);
            normals.Add(normal);
            for (var i = 0; i <= sides; i++)
            {
                vertices.Add((Outward(i, sides) * radius) + (Vector3.up * height));
                normals.Add(normal);
            }
            for (var i = 1; i <= sides; i++)
            {
                triangles.AddRange(normal.y > 0 ? new[] { middle, middle + i + 1, middle + i } : new[] { middle, middle + i, middle + i + 1 });
            }
        }

        private static Vector3 Outward(int side, int sides)
        {
            var angle = 2f * Mathf.PI * side / sides;
            return new Vector3(Mathf.Cos(angle), 0f, Mathf.Sin(angle));
        }
    }
}
