#nullable enable
using UnityEngine;
using UnityEngine.Rendering.Universal;
using UnityEngine.Scripting;

// No scene refers to it: a player would be built without it, and its cameras with post-processing and shadows.
[assembly: AlwaysLinkAssembly]

namespace Rls3.Gym.Engine.Urp
{
    /// <summary>Cameras of the gym under URP: no post-processing, no shadows, no render scale, nothing that the segmentation pass would suffer from.</summary>
    internal static class UrpCameras
    {
        private static UniversalRenderPipelineAsset? scaled;
        private static float scale;

        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.BeforeSceneLoad)]
        private static void Register()
        {
            GymServerBehaviour.PrepareCamera = Prepare;
            CameraSensor.Around = (Unscale, Rescale);
        }

        // The scale is the project's, of all cameras: a request that renders between two frames may change it and put it back.
        private static void Unscale()
        {
            scaled = UniversalRenderPipeline.asset;
            if (scaled != null)
            {
                scale = scaled.renderScale;
                scaled.renderScale = 1f;
            }
        }

        private static void Rescale()
        {
            if (scaled != null)
            {
                scaled.renderScale = scale;
            }
            scaled = null;
        }

        private static void Prepare(Camera camera)
        {
            var data = camera.GetUniversalAdditionalCameraData();
            data.renderPostProcessing = false;
            data.renderShadows = false;
            data.requiresColorOption = CameraOverrideOption.Off;
            data.requiresDepthOption = CameraOverrideOption.Off;
            data.antialiasing = AntialiasingMode.None;
        }
    }
}
