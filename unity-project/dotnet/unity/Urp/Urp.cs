namespace UnityEngine.Rendering.Universal
{
    public enum CameraOverrideOption
    {
        Off,
        On,
        UsePipelineSettings,
    }

    public enum AntialiasingMode
    {
        None,
    }

    public class UniversalAdditionalCameraData : MonoBehaviour
    {
        public bool renderPostProcessing { get => throw null; set => throw null; }
        public bool renderShadows { get => throw null; set => throw null; }
        public CameraOverrideOption requiresColorOption { get => throw null; set => throw null; }
        public CameraOverrideOption requiresDepthOption { get => throw null; set => throw null; }
        public AntialiasingMode antialiasing { get => throw null; set => throw null; }
    }

    public static class CameraExtensions
    {
        public static UniversalAdditionalCameraData GetUniversalAdditionalCameraData(this Camera camera) => throw null;
    }

    public abstract class ScriptableRendererData : ScriptableObject
    {
    }

    public class UniversalRendererData : ScriptableRendererData
    {
    }

    public class UniversalRenderPipelineAsset : RenderPipelineAsset
    {
        public int msaaSampleCount { get => throw null; set => throw null; }
        public static UniversalRenderPipelineAsset Create(ScriptableRendererData rendererData = null) => throw null;
    }
}
