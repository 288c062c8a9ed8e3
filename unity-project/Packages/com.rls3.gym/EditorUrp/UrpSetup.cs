#nullable enable
using System.IO;
using UnityEditor;
using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.Rendering.Universal;

namespace Rls3.Gym.Editor.Urp
{
    /// <summary>
    /// Gives the project a URP asset where it has none, so that it opens ready to play: made by the Editor's own version, and
    /// not copied from another one's.
    /// </summary>
    internal static class UrpSetup
    {
        private const string Folder = "Assets/Settings";

        [InitializeOnLoadMethod]
        private static void Register()
        {
            EditorApplication.delayCall += Ensure;
            GymBuild.Preparing += Ensure;
        }

        private static void Ensure()
        {
            if (GraphicsSettings.defaultRenderPipeline != null)
            {
                return;
            }
            Directory.CreateDirectory(Folder);
            var renderer = ScriptableObject.CreateInstance<UniversalRendererData>();
            AssetDatabase.CreateAsset(renderer, Folder + "/UniversalRenderer.asset");
            var pipeline = UniversalRenderPipelineAsset.Create(renderer);
            // Only then may a camera's own texture have its samples.
            pipeline.msaaSampleCount = 4;
            AssetDatabase.CreateAsset(pipeline, Folder + "/UniversalPipeline.asset");
            AssetDatabase.SaveAssets();
            GraphicsSettings.defaultRenderPipeline = pipeline;
            QualitySettings.renderPipeline = pipeline;
            Debug.Log($"RLS3: made a URP asset in {Folder}");
        }
    }
}
