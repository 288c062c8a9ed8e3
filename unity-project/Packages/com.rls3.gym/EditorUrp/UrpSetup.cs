#nullable enable
using System.IO;
using UnityEditor;
using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.Rendering.Universal;

namespace Rls3.Gym.Editor.Urp
{
    /// <summary>
    /// Gives a project that has no render pipeline a URP asset, when it is asked to: the rooms are drawn by the built-in
    /// pipeline too, and a project that uses that one must stay as it is.
    /// </summary>
    internal static class UrpSetup
    {
        private const string Folder = "Assets/Settings";

        [MenuItem("RLS3/Use URP in this project")]
        private static void Ensure()
        {
            if (GraphicsSettings.defaultRenderPipeline != null)
            {
                Debug.Log("RLS3: this project has a render pipeline already");
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
