#nullable enable
using System.IO;
using UnityEditor;
using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.Rendering.Universal;

namespace Rls3.Gym.Editor.Urp
{
    /// <summary>
    /// Gives a project without a render pipeline a URP asset, on request only: the built-in pipeline draws the rooms too, and a
    /// project that uses it must not change.
    /// </summary>
    internal static class UrpSetup
    {
        private const string Folder = "Assets/Settings";

        [MenuItem("RLS3/Use URP in this project")]
        private static void Ensure()
        {
            if (GraphicsSettings.defaultRenderPipeline != null)
            {
                Debug.Log("RLS3: this project already has a render pipeline; nothing was changed");
                return;
            }
            Directory.CreateDirectory(Folder);
            var renderer = ScriptableObject.CreateInstance<UniversalRendererData>();
            AssetDatabase.CreateAsset(renderer, Folder + "/UniversalRenderer.asset");
            var pipeline = UniversalRenderPipelineAsset.Create(renderer);
            AssetDatabase.CreateAsset(pipeline, Folder + "/UniversalPipeline.asset");
            AssetDatabase.SaveAssets();
            GraphicsSettings.defaultRenderPipeline = pipeline;
            QualitySettings.renderPipeline = pipeline;
            Debug.Log($"RLS3: made a URP asset in {Folder}");
        }
    }
}
