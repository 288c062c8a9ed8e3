using System;
using System.Collections.Generic;
using System.Linq;

namespace UnityEngine.StandIn
{
    /// <summary>A colour target: RGBA bytes, the lowest row first, as Unity's textures have them.</summary>
    internal sealed class Canvas
    {
        public Canvas(int width, int height)
        {
            Width = width;
            Height = height;
            Pixels = new byte[width * height * 4];
            Depth = new float[width * height];
        }

        public int Width { get; }

        public int Height { get; }

        public byte[] Pixels { get; }

        public float[] Depth { get; }

        public void Clear(Color colour)
        {
            Array.Fill(Depth, 1f);
            for (var pixel = 0; pixel < Depth.Length; pixel++)
            {
                Set(pixel, new Vector4(colour.r, colour.g, colour.b, colour.Alpha));
            }
        }

        public void Set(int pixel, Vector4 colour)
        {
            Pixels[4 * pixel] = Byte(colour.X);
            Pixels[(4 * pixel) + 1] = Byte(colour.Y);
            Pixels[(4 * pixel) + 2] = Byte(colour.Z);
            Pixels[(4 * pixel) + 3] = Byte(colour.W);
        }

        // A target of 8 bits cuts off what is beyond 0 and 1.
        private static byte Byte(float value) => (byte)((Mathf.Clamp(value, 0f, 1f) * 255f) + 0.5f);
    }

    /// <summary>
    /// Draws what a camera sees, as a device draws it: vertices in single precision snapped to 1/256 of a pixel, and edges
    /// that two triangles share drawn once.
    /// </summary>
    internal static class Rasteriser
    {
        private const int Subpixels = 256;

        private struct Vertex
        {
            public Vector3 View;
            public Vector3 Normal;
            public Vector3 World;

            public static Vertex Between(in Vertex a, in Vertex b, float share) => new Vertex
            {
                View = a.View + ((b.View - a.View) * share),
                Normal = a.Normal + ((b.Normal - a.Normal) * share),
                World = a.World + ((b.World - a.World) * share),
            };
        }

        public static void Forget()
        {
            Shader.Globals.Clear();
            Shader.Arrays.Clear();
        }

        public static void Draw(Camera camera, Canvas canvas)
        {
            // URP's ScriptableRenderer clears with CoreUtils.ConvertSRGBToActiveColorSpace(camera.backgroundColor), and the built-in
            // pipeline does the same: in Linear the sRGB curve is removed from the colour. A target without a curve keeps the result.
            canvas.Clear(Player.Options.Linear ? camera.backgroundColor.Linear : camera.backgroundColor);
            var turn = camera.transform.rotation.Inverse;
            var away = turn.Turn(camera.transform.position) * -1f;
            var view = Matrix.Of(away, turn, Vector3.one);
            foreach (var renderer in Player.All<Renderer>().Where(Shows).ToArray())
            {
                DrawOne(camera, canvas, view, renderer);
            }
        }

        private static bool Shows(Renderer renderer)
        {
            if (!renderer.Holder.activeInHierarchy)
            {
                return false;
            }
            if (renderer.sharedMaterial == null || renderer.Holder.GetComponent<MeshFilter>()?.sharedMesh == null)
            {
                Debug.LogError($"{renderer.Holder.name} has no mesh or no material, or one that was destroyed");
                return false;
            }
            return true;
        }

        private static void DrawOne(Camera camera, Canvas canvas, Matrix view, Renderer renderer)
        {
            var file = renderer.sharedMaterial.Shader.File;
            var program = file.Begin(new Uniforms(renderer));
            // Package manual "Universal Renderer asset", Depth Priming: what has no depth pass never matches the depth already drawn.
            if (program == null || (Player.Options.DepthPriming && !file.HasDepthPass))
            {
                return;
            }
            var mesh = renderer.Holder.GetComponent<MeshFilter>().sharedMesh;
            var world = renderer.Holder.transform.World;
            var vertices = new Vertex[mesh.Vertices.Length];
            for (var at = 0; at < vertices.Length; at++)
            {
                var place = world.Point(mesh.Vertices[at]);
                vertices[at] = new Vertex { View = view.Point(place), Normal = world.Normal(mesh.Normals[at]).normalized, World = place };
            }
            var draw = new Triangles(camera, canvas, program);
            var triangles = mesh.Triangles;
            for (var at = 0; at < triangles.Length; at += 3)
            {
                Clip(vertices[triangles[at]], vertices[triangles[at + 1]], vertices[triangles[at + 2]], camera.nearClipPlane, draw);
            }
        }

        // What lies nearer than the near plane is cut off; the rest has three or four corners.
        private static void Clip(in Vertex a, in Vertex b, in Vertex c, float near, Triangles draw)
        {
            if (a.View.z >= near && b.View.z >= near && c.View.z >= near)
            {
                draw.Fill(a, b, c);
                return;
            }
            var corners = new[] { a, b, c };
            var kept = new List<Vertex>();
            for (var at = 0; at < 3; at++)
            {
                var from = corners[at];
                var to = corners[(at + 1) % 3];
                if (from.View.z >= near)
                {
                    kept.Add(from);
                }
                if ((from.View.z >= near) != (to.View.z >= near))
                {
                    kept.Add(Vertex.Between(from, to, (near - from.View.z) / (to.View.z - from.View.z)));
                }
            }
            for (var at = 2; at < kept.Count; at++)
            {
                draw.Fill(kept[0], kept[at - 1], kept[at]);
            }
        }

        private sealed class Triangles
        {
            private readonly Canvas canvas;
            private readonly IFragments program;
            private readonly float focalX;
            private readonly float focalY;
            private readonly float near;
            private readonly float far;

            private struct Corner
            {
                public long X;
                public long Y;
                public float Depth;
                public float InverseW;
                public Vector3 Normal;
                public Vector3 World;
            }

            public Triangles(Camera camera, Canvas canvas, IFragments program)
            {
                this.canvas = canvas;
                this.program = program;
                focalY = 1f / (float)Math.Tan(camera.fieldOfView * Math.PI / 360.0);
                focalX = focalY / camera.aspect;
                near = camera.nearClipPlane;
                far = camera.farClipPlane;
            }

            public void Fill(in Vertex first, in Vertex second, in Vertex third)
            {
                var a = Project(first);
                // The front of a face turns clockwise (Manual "Mesh data"); the other two corners are swapped for what follows.
                var b = Project(third);
                var c = Project(second);
                var area = Edge(a, b, c.X, c.Y);
                if (area <= 0)
                {
                    return;
                }
                var left = (int)Math.Max(0, Math.Min(a.X, Math.Min(b.X, c.X)) / Subpixels);
                var right = (int)Math.Min(canvas.Width - 1, Math.Max(a.X, Math.Max(b.X, c.X)) / Subpixels);
                var bottom = (int)Math.Max(0, Math.Min(a.Y, Math.Min(b.Y, c.Y)) / Subpixels);
                var top = (int)Math.Min(canvas.Height - 1, Math.Max(a.Y, Math.Max(b.Y, c.Y)) / Subpixels);
                for (var y = bottom; y <= top; y++)
                {
                    for (var x = left; x <= right; x++)
                    {
                        Pixel(a, b, c, area, x, y);
                    }
                }
            }

            private Corner Project(in Vertex vertex)
            {
                var w = vertex.View.z;
                return new Corner
                {
                    X = (long)Math.Round(((vertex.View.x * focalX / w) + 1f) / 2f * canvas.Width * Subpixels),
                    Y = (long)Math.Round(((vertex.View.y * focalY / w) + 1f) / 2f * canvas.Height * Subpixels),
                    Depth = far / (far - near) * (w - near) / w,
                    InverseW = 1f / w,
                    Normal = vertex.Normal,
                    World = vertex.World,
                };
            }

            private static long Edge(in Corner from, in Corner to, long x, long y) => ((to.X - from.X) * (y - from.Y)) - ((to.Y - from.Y) * (x - from.X));

            // A sample on the edge belongs to one of the two triangles that share it (Direct3D's top-left rule, or its mirror image).
            private static bool Inside(long edge, in Corner from, in Corner to) =>
                edge > 0 || (edge == 0 && (to.Y > from.Y || (to.Y == from.Y && to.X < from.X)));

            private void Pixel(in Corner a, in Corner b, in Corner c, long area, int x, int y)
            {
                var atX = ((long)x * Subpixels) + (Subpixels / 2);
                var atY = ((long)y * Subpixels) + (Subpixels / 2);
                var ofA = Edge(b, c, atX, atY);
                var ofB = Edge(c, a, atX, atY);
                var ofC = Edge(a, b, atX, atY);
                if (!Inside(ofA, b, c) || !Inside(ofB, c, a) || !Inside(ofC, a, b))
                {
                    return;
                }
                var depth = ((ofA * a.Depth) + (ofB * b.Depth) + (ofC * c.Depth)) / area;
                var pixel = (y * canvas.Width) + x;
                if (depth > canvas.Depth[pixel])
                {
                    return;
                }
                // Attributes follow the perspective.
                var shareA = ofA * a.InverseW;
                var shareB = ofB * b.InverseW;
                var shareC = ofC * c.InverseW;
                var sum = shareA + shareB + shareC;
                var normal = ((a.Normal * shareA) + (b.Normal * shareB) + (c.Normal * shareC)) / sum;
                var world = ((a.World * shareA) + (b.World * shareB) + (c.World * shareC)) / sum;
                canvas.Depth[pixel] = depth;
                canvas.Set(pixel, program.Shade(normal, world));
            }
        }
    }
}
