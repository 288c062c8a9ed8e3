using System;
using System.Collections.Generic;

namespace UnityEngine
{
    public enum CameraClearFlags
    {
        SolidColor = 2,
    }

    public sealed class Camera : Behaviour
    {
        public float nearClipPlane { get => throw null; set => throw null; }
        public float farClipPlane { get => throw null; set => throw null; }
        public float fieldOfView { get => throw null; set => throw null; }
        public float aspect { get => throw null; set => throw null; }
        public bool allowHDR { get => throw null; set => throw null; }
        public bool useOcclusionCulling { get => throw null; set => throw null; }
        public Color backgroundColor { get => throw null; set => throw null; }
        public CameraClearFlags clearFlags { get => throw null; set => throw null; }
        public RenderTexture targetTexture { get => throw null; set => throw null; }
        public void Render() => throw null;
    }

    public class Shader : Object
    {
        internal Shader() => throw null;
        public static int PropertyToID(string name) => throw null;
        public static void SetGlobalFloat(int nameID, float value) => throw null;
        public static void SetGlobalVector(int nameID, Vector4 value) => throw null;
    }

    public class Material : Object
    {
        public Material(Shader shader) => throw null;
        public void SetFloat(int nameID, float value) => throw null;
        public void SetVector(int nameID, Vector4 value) => throw null;
    }

    public sealed class MaterialPropertyBlock
    {
        public void Clear() => throw null;
        public void SetFloat(int nameID, float value) => throw null;
    }

    public class Renderer : Component
    {
        public Material sharedMaterial { get => throw null; set => throw null; }
        public void SetPropertyBlock(MaterialPropertyBlock properties) => throw null;
    }

    public class MeshRenderer : Renderer
    {
    }

    public sealed class MeshFilter : Component
    {
        public Mesh sharedMesh { get => throw null; set => throw null; }
    }

    public sealed class Mesh : Object
    {
        public Mesh() => throw null;
        public void SetVertices(List<Vector3> inVertices) => throw null;
        public void SetNormals(List<Vector3> inNormals) => throw null;
        public void SetTriangles(List<int> triangles, int submesh) => throw null;
        public void RecalculateBounds() => throw null;
    }

    public class Texture : Object
    {
        internal Texture() => throw null;
    }

    public class RenderTexture : Texture
    {
        public RenderTexture(int width, int height, int depth, Experimental.Rendering.GraphicsFormat format) => throw null;
        public int antiAliasing { get => throw null; set => throw null; }
        public static RenderTexture active { get => throw null; set => throw null; }
        public bool Create() => throw null;
        public void Release() => throw null;
    }

    public enum TextureFormat
    {
        RGBA32 = 4,
    }

    public sealed class Texture2D : Texture
    {
        public Texture2D(int width, int height, TextureFormat textureFormat, bool mipChain, bool linear) => throw null;
        public void ReadPixels(Rect source, int destX, int destY, bool recalculateMipMaps) => throw null;
        public Unity.Collections.NativeArray<T> GetRawTextureData<T>() where T : struct => throw null;
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
        public bool hasError => throw null;
        public void WaitForCompletion() => throw null;
    }

    public static class AsyncGPUReadback
    {
        public static AsyncGPUReadbackRequest RequestIntoNativeArray<T>(
            ref Unity.Collections.NativeArray<T> output,
            Texture src,
            int mipIndex,
            Experimental.Rendering.GraphicsFormat dstFormat,
            Action<AsyncGPUReadbackRequest> callback = null)
            where T : struct => throw null;
    }

    public abstract class RenderPipelineAsset : ScriptableObject
    {
    }

    public abstract class RenderPipeline
    {
        public static bool SupportsRenderRequest<RequestData>(Camera camera, RequestData data) => throw null;
        public static void SubmitRenderRequest<RequestData>(Camera camera, RequestData data) => throw null;

        public class StandardRequest
        {
            public RenderTexture destination;
        }
    }

    public sealed class GraphicsSettings : Object
    {
        internal GraphicsSettings() => throw null;
        public static RenderPipelineAsset defaultRenderPipeline { get => throw null; set => throw null; }
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

    public struct NativeArray<T> : IDisposable
        where T : struct
    {
        public NativeArray(int length, Allocator allocator, NativeArrayOptions options = NativeArrayOptions.ClearMemory) => throw null;
        public void CopyFrom(NativeArray<T> array) => throw null;
        public readonly ReadOnlySpan<T> AsReadOnlySpan() => throw null;
        public void Dispose() => throw null;
    }
}
