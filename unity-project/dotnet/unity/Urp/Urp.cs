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
        public bool renderPostProcessing { get; set; }
        public bool renderShadows { get; set; }
        public CameraOverrideOption requiresColorOption { get; set; }
        public CameraOverrideOption requiresDepthOption { get; set; }
        public AntialiasingMode antialiasing { get; set; }
    }

    public static class CameraExtensions
    {
        public static UniversalAdditionalCameraData GetUniversalAdditionalCameraData(this Camera camera) =>
            camera.gameObject.GetComponent<UniversalAdditionalCameraData>() is UniversalAdditionalCameraData data ? data : camera.gameObject.AddComponent<UniversalAdditionalCameraData>();
    }

    public abstract class ScriptableRendererData : ScriptableObject
    {
    }

    public class UniversalRendererData : ScriptableRendererData
    {
    }

    public class UniversalRenderPipelineAsset : RenderPipelineAsset
    {
        public static UniversalRenderPipelineAsset Create(ScriptableRendererData rendererData = null) => throw null;
    }
}
