#nullable enable
using UnityEngine;
using UnityEngine.Rendering.Universal;
using UnityEngine.Scripting;

// No scene refers to it: a player would be built without it, and its cameras with post-processing and shadows.
[assembly: AlwaysLinkAssembly]

namespace Rls3.Gym.Engine.Urp
{
    /// <summary>Cameras of the gym under URP: no post-processing, no shadows, nothing that the segmentation pass would suffer from.</summary>
    internal static class UrpCameras
    {
        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.BeforeSceneLoad)]
        private static void Register() => GymServerBehaviour.PrepareCamera = Prepare;

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
