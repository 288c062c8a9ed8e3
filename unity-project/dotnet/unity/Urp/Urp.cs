using System;
using UnityEngine.StandIn;

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

    public enum UpscalingFilterSelection
    {
        Auto = 0,
        FSR = 3,
    }

    public sealed class UniversalRenderPipeline : RenderPipeline
    {
        // Package reference UniversalRenderPipeline.asset: that of the quality setting, or else that of GraphicsSettings.
        public static UniversalRenderPipelineAsset asset => (QualitySettings.renderPipeline ?? GraphicsSettings.defaultRenderPipeline) as UniversalRenderPipelineAsset;
    }

    public class UniversalRenderPipelineAsset : RenderPipelineAsset
    {
        public float renderScale { get; set; } = 1f;

        public UpscalingFilterSelection upscalingFilter { get; set; }

        // Package manual "Universal Render Pipeline Asset", Quality: what is drawn at another scale is brought to the target's
        // size by a filter, and FSR sharpens.
        internal override void Draw(Camera camera, RenderTexture into)
        {
            base.Draw(camera, into);
            var target = into.Canvas;
            if (renderScale != 1f)
            {
                var drawn = new Canvas((int)(target.Width * renderScale), (int)(target.Height * renderScale));
                Rasteriser.Draw(camera, drawn);
                Each(target, (x, y, channel) => Between(drawn, ((x + 0.5f) * drawn.Width / target.Width) - 0.5f, ((y + 0.5f) * drawn.Height / target.Height) - 0.5f, channel));
            }
            if (upscalingFilter == UpscalingFilterSelection.FSR)
            {
                var soft = (byte[])target.Pixels.Clone();
                float Soft(int x, int y, int channel) => soft[(4 * ((y * target.Width) + Math.Clamp(x, 0, target.Width - 1))) + channel];
                Each(target, (x, y, channel) => (2f * Soft(x, y, channel)) - ((Soft(x - 1, y, channel) + Soft(x + 1, y, channel)) / 2f));
            }
        }

        private static void Each(Canvas canvas, Func<int, int, int, float> value)
        {
            for (var at = 0; at < canvas.Pixels.Length; at++)
            {
                canvas.Pixels[at] = (byte)Math.Clamp(value(at / 4 % canvas.Width, at / 4 / canvas.Width, at % 4) + 0.5f, 0f, 255f);
            }
        }

        private static float Between(Canvas canvas, float x, float y, int channel)
        {
            float Pixel(int column, int row) => canvas.Pixels[(4 * ((Math.Clamp(row, 0, canvas.Height - 1) * canvas.Width) + Math.Clamp(column, 0, canvas.Width - 1))) + channel];
            var (left, bottom) = ((int)Math.Floor(x), (int)Math.Floor(y));
            var (shareX, shareY) = (x - left, y - bottom);
            return ((1f - shareY) * (((1f - shareX) * Pixel(left, bottom)) + (shareX * Pixel(left + 1, bottom))))
                + (shareY * (((1f - shareX) * Pixel(left, bottom + 1)) + (shareX * Pixel(left + 1, bottom + 1))));
        }

        public static UniversalRenderPipelineAsset Create(ScriptableRendererData rendererData = null) => throw null;
    }
}
