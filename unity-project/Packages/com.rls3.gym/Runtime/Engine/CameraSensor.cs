#nullable enable
using System;
using Rls3.Gym.Core;
using Unity.Collections;
using UnityEngine;
using UnityEngine.Experimental.Rendering;
using UnityEngine.Rendering;

namespace Rls3.Gym.Engine
{
    /// <summary>What a picture shows.</summary>
    public enum PictureKind
    {
        Image,
        Segmentation,

        /// <summary>Segmentation of one slot alone, as if nothing stood in front of it.</summary>
        OneSlot,
    }

    /// <summary>
    /// A texture that a camera renders into when asked. A picture carries the tick that it was rendered for, and is refused
    /// for any other: an image never meets another tick's state. Nothing is allocated for a picture.
    /// </summary>
    public sealed class CameraSensor : IDisposable
    {
        private static readonly int LightId = Shader.PropertyToID("_GymLight");
        private static readonly int ShadingId = Shader.PropertyToID("_GymShading");
        private static readonly int SlotsId = Shader.PropertyToID("_GymSlots");
        private static readonly int OnlySlotId = Shader.PropertyToID("_GymOnlySlot");

        private readonly int size;
        private readonly RenderTexture target;
        private readonly Texture2D? fallback;
        private readonly RenderPipeline.StandardRequest standard;
        private NativeArray<byte> pixels;
        private AsyncGPUReadbackRequest request;
        private bool pending;
        private bool lost;
        private long tick = -1;

        /// <param name="size">Side in pixels.</param>
        /// <param name="samples">Of a pixel: 1 for segmentations, whose numbers must not be mixed.</param>
        public CameraSensor(int size, int samples)
        {
            this.size = size;
            // What the shader writes is what is read: no colour conversion on the way, whatever the project's colour space.
            target = new RenderTexture(size, size, 24, GraphicsFormat.R8G8B8A8_UNorm) { name = "gym sensor", antiAliasing = samples };
            target.Create();
            standard = new RenderPipeline.StandardRequest { destination = target };
            pixels = new NativeArray<byte>(size * size * 4, Allocator.Persistent);
            fallback = SystemInfo.supportsAsyncGPUReadback ? null : new Texture2D(size, size, TextureFormat.RGBA32, false, true);
        }

        /// <summary>What is seen where there is no room.</summary>
        public static Color Background => new Color(0.08f, 0.08f, 0.08f, 1f);

        public RenderTexture Target => target;

        /// <summary>Settings of the one light, for all that is rendered next.</summary>
        public static void Light(Vector3 towards, float ambient, float diffuse)
        {
            Shader.SetGlobalVector(LightId, towards);
            Shader.SetGlobalVector(ShadingId, new Vector4(ambient, diffuse, 0f, 0f));
        }

        /// <summary>Renders now, and asks for the pixels. They are there after <see cref="Finish"/>.</summary>
        /// <param name="camera">What it sees is rendered; afterwards it has no target.</param>
        /// <param name="kind">What the picture shows.</param>
        /// <param name="slot">For one slot alone: which.</param>
        /// <param name="forTick">The tick of the state that is shown.</param>
        public void Render(Camera camera, PictureKind kind, int slot, long forTick)
        {
            // One that nobody waited for, after an error in between: its pixels are still the device's.
            Finish();
            tick = -1;
            Shader.SetGlobalFloat(SlotsId, kind == PictureKind.Image ? 0f : 1f);
            Shader.SetGlobalFloat(OnlySlotId, kind == PictureKind.OneSlot ? slot + 1f : 0f);
            camera.backgroundColor = kind == PictureKind.Image ? Background : Color.clear;
            var active = RenderTexture.active;
            camera.targetTexture = target;
            try
            {
                RenderNow(camera);
            }
            finally
            {
                // A texture that is somebody's target can't be released, and whoever draws next means its own.
                camera.targetTexture = null;
                RenderTexture.active = active;
                Shader.SetGlobalFloat(SlotsId, 0f);
                Shader.SetGlobalFloat(OnlySlotId, 0f);
            }
            tick = forTick;
            lost = false;
            pending = true;
            if (fallback == null)
            {
                request = Ask();
            }
        }

        private AsyncGPUReadbackRequest Ask() => AsyncGPUReadback.RequestIntoNativeArray(ref pixels, target, 0, GraphicsFormat.R8G8B8A8_UNorm);

        private void RenderNow(Camera camera)
        {
            if (RenderPipeline.SupportsRenderRequest(camera, standard))
            {
                RenderPipeline.SubmitRenderRequest(camera, standard);
                return;
            }
            camera.Render();
        }

        /// <summary>Waits for the pixels of the last picture. Sensors that were all rendered first wait for the same moment once.</summary>
        public void Finish()
        {
            if (!pending)
            {
                return;
            }
            pending = false;
            if (fallback == null)
            {
                request.WaitForCompletion();
                if (request.hasError)
                {
                    // A readback may fail once, when the device is busy or was reset: the texture still holds the picture.
                    request = Ask();
                    request.WaitForCompletion();
                }
                lost = request.hasError;
                return;
            }
            var active = RenderTexture.active;
            RenderTexture.active = target;
            fallback.ReadPixels(new Rect(0, 0, size, size), 0, 0, false);
            RenderTexture.active = active;
            pixels.CopyFrom(fallback.GetRawTextureData<byte>());
        }

        /// <summary>Copies the picture, top row first, taking <paramref name="channels"/> of the four bytes of a pixel.</summary>
        public void CopyTo(Span<byte> output, int channels, long forTick)
        {
            RequirePicture(forTick);
            ReadOnlySpan<byte> read = pixels.AsReadOnlySpan();
            var at = 0;
            for (var row = size - 1; row >= 0; row--)
            {
                var line = read.Slice(row * size * 4, size * 4);
                for (var x = 0; x < line.Length; x += 4)
                {
                    for (var channel = 0; channel < channels; channel++)
                    {
                        output[at++] = line[x + channel];
                    }
                }
            }
        }

        /// <summary>Pixels of a segmentation that show the slot.</summary>
        public int Count(int slot, long forTick)
        {
            RequirePicture(forTick);
            ReadOnlySpan<byte> read = pixels.AsReadOnlySpan();
            var count = 0;
            for (var at = 0; at < read.Length; at += 4)
            {
                count += read[at] == slot + 1 ? 1 : 0;
            }
            return count;
        }

        private void RequirePicture(long forTick)
        {
            if (lost)
            {
                throw new InvalidOperationException("the graphics device did not give the picture back, asked twice");
            }
            if (pending || tick != forTick)
            {
                throw new InvalidOperationException($"the picture is of tick {tick}, the state of tick {forTick}");
            }
        }

        public void Dispose()
        {
            if (pending && fallback == null)
            {
                request.WaitForCompletion();
            }
            pixels.Dispose();
            if (RenderTexture.active == target)
            {
                RenderTexture.active = null;
            }
            target.Release();
            RoomAssets.Destroy(target);
            if (fallback != null)
            {
                RoomAssets.Destroy(fallback);
            }
        }
    }
}
