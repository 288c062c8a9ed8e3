using System;
using System.Collections.Generic;
using UnityEngine.StandIn;

namespace UnityEngine
{
    public enum CameraClearFlags
    {
        SolidColor = 2,
    }

    public sealed class Camera : Behaviour
    {
        private float near = 0.3f;
        private float far = 1000f;
        private float field = 60f;
        private float ratio = 16f / 9f;
        private bool hdr = true;
        private bool occlusion = true;
        private Color background = new Color(0.19f, 0.3f, 0.47f, 0f);
        private CameraClearFlags clear = (CameraClearFlags)1;
        private RenderTexture target;
        private float order;

        public float depth { get => Read(order); set => order = Write(value); }

        public float nearClipPlane { get => Read(near); set => near = Write(value); }

        public float farClipPlane { get => Read(far); set => far = Write(value); }

        /// <summary>Vertical, in degrees.</summary>
        public float fieldOfView { get => Read(field); set => field = Write(value); }

        public float aspect { get => Read(ratio); set => ratio = Write(value); }

        public bool allowHDR { get => Read(hdr); set => hdr = Write(value); }

        public bool useOcclusionCulling { get => Read(occlusion); set => occlusion = Write(value); }

        public Color backgroundColor { get => Read(background); set => background = Write(value); }

        public CameraClearFlags clearFlags { get => Read(clear); set => clear = Write(value); }

        public RenderTexture targetTexture { get => Read(target); set => target = Write(value); }

        // Source Runtime/Export/Camera/Camera.bindings.cs: beside RenderDontRestore, so this one puts the active texture back.
        public void Render()
        {
            var active = RenderTexture.active;
            Draw(Read(target));
            RenderTexture.active = active;
        }

        internal void Draw(RenderTexture into)
        {
            if (!Object.IsNone(into))
            {
                into.Create();
                Rasteriser.Draw(this, into.Canvas);
                RenderTexture.active = into;
            }
        }
    }

    public class Shader : Object
    {
        private static readonly Dictionary<string, int> Ids = new Dictionary<string, int>();

        internal Shader() => BuiltIn = true;

        internal ShaderFile File { get; set; }

        internal static Dictionary<int, Vector4> Globals { get; } = new Dictionary<int, Vector4>();

        public static int PropertyToID(string name)
        {
            lock (Ids)
            {
                return Ids.TryGetValue(name, out var id) ? id : Ids[name] = Ids.Count + 1;
            }
        }

        internal static Dictionary<int, Vector4[]> Arrays { get; } = new Dictionary<int, Vector4[]>();

        public static void SetGlobalFloat(int nameID, float value) => Globals[Player.Ask(nameID)] = new Vector4(value, 0f, 0f, 0f);

        public static void SetGlobalVector(int nameID, Vector4 value) => Globals[Player.Ask(nameID)] = value;

        // Manual "Shader.SetGlobalVectorArray": an array keeps the length that it was first set with.
        public static void SetGlobalVectorArray(int nameID, Vector4[] values)
        {
            if (Arrays.TryGetValue(Player.Ask(nameID), out var known) && known.Length != values.Length)
            {
                Debug.LogWarning($"Property exceeds previous array size ({values.Length} vs {known.Length}).");
            }
            Arrays[nameID] = (Vector4[])values.Clone();
        }
    }

    public class Material : Object
    {
        public Material(Shader shader) => Shader = shader.Read(shader);

        internal Shader Shader { get; }

        internal Dictionary<int, Vector4> Values { get; } = new Dictionary<int, Vector4>();

        public void SetFloat(int nameID, float value) => Write(Values)[nameID] = new Vector4(value, 0f, 0f, 0f);

        public void SetVector(int nameID, Vector4 value) => Write(Values)[nameID] = value;
    }

    public sealed class MaterialPropertyBlock
    {
        internal Dictionary<int, Vector4> Values { get; } = new Dictionary<int, Vector4>();

        public void Clear() => Player.Ask(Values).Clear();

        public void SetFloat(int nameID, float value) => Player.Ask(Values)[nameID] = new Vector4(value, 0f, 0f, 0f);

        public void SetVector(int nameID, Vector4 value) => Player.Ask(Values)[nameID] = value;
    }

    public class Renderer : Component
    {
        private Material material;

        internal Dictionary<int, Vector4> Block { get; private set; } = new Dictionary<int, Vector4>();

        public Material sharedMaterial { get => Read(material); set => material = Write(value); }

        // ScriptReference Renderer.SetPropertyBlock: the renderer keeps a copy of the block's values.
        public void SetPropertyBlock(MaterialPropertyBlock properties) => Block = new Dictionary<int, Vector4>(Write(properties).Values);
    }

    public class MeshRenderer : Renderer
    {
    }

    public sealed class MeshFilter : Component
    {
        private Mesh mesh;

        public Mesh sharedMesh { get => Read(mesh); set => mesh = Write(value); }
    }

    public sealed class Mesh : Object
    {
        internal Vector3[] Vertices { get; private set; } = Array.Empty<Vector3>();

        internal Vector3[] Normals { get; private set; } = Array.Empty<Vector3>();

        internal int[] Triangles { get; private set; } = Array.Empty<int>();

        public void SetVertices(List<Vector3> inVertices) => Vertices = Write(inVertices).ToArray();

        public void SetNormals(List<Vector3> inNormals) => Normals = Write(inNormals).ToArray();

        // ScriptReference Mesh.SetTriangles: an index beyond the vertices is refused.
        public void SetTriangles(List<int> triangles, int submesh)
        {
            if (submesh != 0 || triangles.Exists(at => at < 0 || at >= Vertices.Length))
            {
                Debug.LogError("Failed setting triangles. Some indices are referencing out of bounds vertices.");
                return;
            }
            Triangles = Write(triangles).ToArray();
        }

        public void RecalculateBounds() => Read(true);
    }

    public class Texture : Object
    {
        internal Texture()
        {
        }
    }

    public class RenderTexture : Texture
    {
        private static RenderTexture current;
        private readonly int width;
        private readonly int height;

        public RenderTexture(int width, int height, int depth, Experimental.Rendering.GraphicsFormat format)
        {
            this.width = width;
            this.height = height;
        }

        public static RenderTexture active { get => Player.Ask(Object.IsNone(current) ? null : current); set => current = Player.Ask(value); }

        /// <summary>Null while it is not created.</summary>
        internal Canvas Canvas { get; private set; }

        public bool Create()
        {
            Canvas ??= Read(new Canvas(width, height));
            return true;
        }

        // The manual does not say what Unity logs here; the two messages are quoted from bug reports.
        public void Release()
        {
            if (Read(Canvas) == null)
            {
                return;
            }
            foreach (var camera in Player.All<Camera>())
            {
                if (ReferenceEquals(camera.targetTexture, this))
                {
                    Debug.LogError("Releasing render texture that is set as Camera.targetTexture!");
                }
            }
            if (ReferenceEquals(current, this))
            {
                Debug.LogError("Releasing render texture that is set to be RenderTexture.active!");
                current = null;
            }
            Canvas = null;
        }

        internal override void Released() => Release();
    }

    public enum TextureFormat
    {
        RGBA32 = 4,
    }

    public sealed class Texture2D : Texture
    {
        private readonly Unity.Collections.NativeMemory memory;
        private readonly int width;

        public Texture2D(int width, int height, TextureFormat textureFormat, bool mipChain, bool linear)
        {
            this.width = width;
            memory = new Unity.Collections.NativeMemory(new byte[width * height * 4]);
        }

        // ScriptReference Texture2D.ReadPixels: from RenderTexture.active, its lower left corner first.
        public void ReadPixels(Rect source, int destX, int destY, bool recalculateMipMaps)
        {
            var canvas = RenderTexture.active == null ? null : Read(RenderTexture.active).Canvas;
            if (canvas == null)
            {
                Debug.LogError("ReadPixels was called to read pixels from system frame buffer, while not inside drawing frame.");
                return;
            }
            for (var row = 0; row < source.Height; row++)
            {
                var from = (((source.Y + row) * canvas.Width) + source.X) * 4;
                Array.Copy(canvas.Pixels, from, memory.Bytes, (((destY + row) * width) + destX) * 4, source.Width * 4);
            }
        }

        public Unity.Collections.NativeArray<T> GetRawTextureData<T>()
            where T : struct => new Unity.Collections.NativeArray<T>(Read(memory));
    }
}

namespace UnityEngine.Experimental.Rendering
{
    public enum GraphicsFormat
    {
        R8G8B8A8_UNorm = 8,
    }
}

namespace UnityEngine.Rendering
{
    public enum GraphicsDeviceType
    {
        Null = 4,
    }

    public struct AsyncGPUReadbackRequest
    {
        internal Readback Readback;

        // ScriptReference AsyncGPUReadbackRequest.hasError: false before it is done.
        public bool hasError => Player.Ask(Readback != null && Readback.Failed);

        public void WaitForCompletion()
        {
            Player.Ask(true);
            Readback?.Complete();
        }
    }

    public static class AsyncGPUReadback
    {
        // Source Runtime/Export/Graphics/AsyncGPUReadback.bindings.cs: the array is the request's until that is done.
        public static AsyncGPUReadbackRequest RequestIntoNativeArray<T>(
            ref Unity.Collections.NativeArray<T> output,
            Texture src,
            int mipIndex,
            Experimental.Rendering.GraphicsFormat dstFormat,
            Action<AsyncGPUReadbackRequest> callback = null)
            where T : struct
        {
            var texture = (RenderTexture)src.Read(src);
            return new AsyncGPUReadbackRequest { Readback = new Readback(texture.Canvas?.Pixels, output.Memory) };
        }
    }

    public abstract class RenderPipelineAsset : ScriptableObject
    {
        /// <summary>What its pipeline does with a request.</summary>
        internal virtual void Draw(Camera camera, RenderTexture into) => camera.Draw(into);
    }

    // Source Runtime/Export/RenderPipeline/RenderPipeline.cs: no requests without a scriptable pipeline.
    public abstract class RenderPipeline
    {
        public static bool SupportsRenderRequest<RequestData>(Camera camera, RequestData data) => Player.Ask(Player.Options.Scriptable) && data is StandardRequest;

        // Nothing there says that the active texture is restored; the stand-in leaves it, the worse of both cases.
        public static void SubmitRenderRequest<RequestData>(Camera camera, RequestData data)
        {
            var into = camera.Read(((StandardRequest)(object)data).destination);
            if (GraphicsSettings.defaultRenderPipeline is RenderPipelineAsset pipeline)
            {
                pipeline.Draw(camera, into);
                return;
            }
            camera.Draw(into);
        }

        public class StandardRequest
        {
            public RenderTexture destination;
        }
    }

    public sealed class GraphicsSettings : Object
    {
        internal GraphicsSettings() => throw new NotSupportedException();

        public static RenderPipelineAsset defaultRenderPipeline { get; set; }
    }
}

namespace UnityEngine.StandIn
{
    /// <summary>A picture on its way from the graphics device: what the texture held at the request.</summary>
    internal sealed class Readback
    {
        private readonly byte[] picture;
        private readonly Unity.Collections.NativeMemory output;
        private bool failing;

        public Readback(byte[] picture, Unity.Collections.NativeMemory output)
        {
            this.picture = picture == null ? null : (byte[])picture.Clone();
            this.output = output;
            output.Writing++;
            failing = Readbacks.FailsNext() || picture == null || picture.Length != output.Bytes.Length;
            Readbacks.Pending.Add(this);
        }

        public bool Done { get; private set; }

        public bool Failed => Done && failing;

        public int Frames { get; set; }

        public void Complete()
        {
            if (Done)
            {
                return;
            }
            Done = true;
            output.Writing--;
            Readbacks.Pending.Remove(this);
            if (!failing)
            {
                picture.CopyTo(output.Bytes, 0);
            }
        }
    }

    internal static class Readbacks
    {
        // Manual AsyncGPUReadback: some frames of latency, and none where it is waited for.
        private const int Latency = 2;

        public static List<Readback> Pending { get; } = new List<Readback>();

        /// <summary>The numbers of the readbacks that fail, counted by <see cref="Asked"/>, as on a device that is busy or was reset.</summary>
        public static HashSet<int> Failing { get; } = new HashSet<int>();

        /// <summary>Readbacks requested so far.</summary>
        public static int Asked { get; private set; }

        public static bool FailsNext() => Failing.Remove(Asked++);

        public static void Advance()
        {
            foreach (var readback in Pending.ToArray())
            {
                if (++readback.Frames >= Latency)
                {
                    readback.Complete();
                }
            }
        }

        public static void Forget()
        {
            foreach (var readback in Pending.ToArray())
            {
                readback.Complete();
            }
            Failing.Clear();
        }
    }
}

namespace Unity.Collections
{
    public enum Allocator
    {
        Persistent = 4,
    }

    public enum NativeArrayOptions
    {
        ClearMemory = 1,
    }

    internal sealed class NativeMemory
    {
        public NativeMemory(byte[] bytes) => Bytes = bytes;

        /// <summary>Allocations that were not disposed.</summary>
        public static int Held { get; set; }

        public byte[] Bytes { get; }

        /// <summary>Readbacks that still write into it.</summary>
        public int Writing { get; set; }

        public bool Gone { get; set; }

        // Source Runtime/Export/NativeArray/NativeArray.cs, the safety handle's checks: none of it while somebody writes, or after its end.
        public NativeMemory Use()
        {
            if (Gone)
            {
                throw new ObjectDisposedException("The NativeArray has been deallocated, it is not allowed to access it");
            }
            return Writing == 0 ? this : throw new InvalidOperationException("The NativeArray is being written to by an AsyncGPUReadback; wait for the request to complete first");
        }
    }

    /// <summary>Of bytes alone: nothing here has other ones.</summary>
    public struct NativeArray<T> : IDisposable
        where T : struct
    {
        public NativeArray(int length, Allocator allocator, NativeArrayOptions options = NativeArrayOptions.ClearMemory)
        {
            Memory = new NativeMemory(new byte[length]);
            NativeMemory.Held++;
        }

        internal NativeArray(NativeMemory memory) => Memory = memory;

        internal NativeMemory Memory { get; }

        public void CopyFrom(NativeArray<T> array) => array.Memory.Use().Bytes.CopyTo(Memory.Use().Bytes, 0);

        public readonly ReadOnlySpan<T> AsReadOnlySpan() => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, T>(Memory.Use().Bytes);

        public void Dispose()
        {
            if (Memory != null)
            {
                Memory.Use().Gone = true;
                NativeMemory.Held--;
            }
        }
    }
}
