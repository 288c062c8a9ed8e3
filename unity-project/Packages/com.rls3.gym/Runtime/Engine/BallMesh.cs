#nullable enable
using System.Collections.Generic;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>A sphere of diameter 1 about its middle, with as many corners as the trainer's own renderer gives an ellipsoid.</summary>
    public static class BallMesh
    {
        private const int LeastRings = 4;

        public static Mesh Create(int sides)
        {
            var rings = Mathf.Max(LeastRings, sides / 4);
            var vertices = new List<Vector3>();
            var normals = new List<Vector3>();
            var triangles = new List<int>();
            for (var ring = 0; ring <= rings; ring++)
            {
                var down = Mathf.PI * ring / rings;
                for (var side = 0; side <= sides; side++)
                {
                    var turn = 2f * Mathf.PI * side / sides;
                    var normal = new Vector3(Mathf.Sin(down) * Mathf.Cos(turn), Mathf.Cos(down), Mathf.Sin(down) * Mathf.Sin(turn));
                    normals.Add(normal);
                    vertices.Add(normal / 2f);
                    if (ring < rings && side < sides)
                    {
                        // Unity's front faces turn clockwise.
                        var at = (ring * (sides + 1)) + side;
                        triangles.AddRange(new[] { at, at + 1, at + sides + 2, at, at + sides + 2, at + sides + 1 });
                    }
                }
            }
            var mesh = new Mesh { name = "Ball" };
            mesh.SetVertices(vertices);
            mesh.SetNormals(normals);
            mesh.SetTriangles(triangles, 0);
            mesh.RecalculateBounds();
            return mesh;
        }
    }
}
