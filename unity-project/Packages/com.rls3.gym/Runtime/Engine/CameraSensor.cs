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
    /// A texture that a camera renders into on request, with a square of samples for each pixel: multisampling would place them
    /// differently and mix the slots' numbers. A picture carries the tick that it was rendered for and is refused for any other,
    /// so an image never belongs to another tick's state. Taking a picture allocates nothing.
    /// </summary>
    public sealed class CameraSensor : IDisposable
    {
        private static readonly int SlotsId = Shader.PropertyToID("_GymSlots");
        private static readonly int OnlySlotId = Shader.PropertyToID("_GymOnlySlot");
        private static readonly int SamplingId = Shader.PropertyToID("_GymSampling");

        /// <summary>The largest image with finer samples. The trainer's renderer draws its rooms finer up to the same size.</summary>
        private const int SmallImage = 128;

        /// <summary>The check in green beside each number in red: if a filter mixes two numbers, the mix has neither's check.</summary>
        private static readonly byte[] Checks = AllChecks();

        private readonly int size;
        private readonly int samples;
        private readonly int fine;
        private readonly int slots;
        private readonly byte[] owners;
        private readonly RenderTexture target;
        private readonly Texture2D? fallback;
        private readonly RenderPipeline.StandardRequest standard;
        private NativeArray<byte> pixels;
        private AsyncGPUReadbackRequest request;
        private bool pending;
        private bool lost;
        private bool owned;
        private long tick = -1;

        /// <param name="size">Side in pixels.</param>
        /// <param name="slots">Slots that a segmentation may show: 0 to one less than this.</param>
        /// <param name="samples">Samples along each side of a pixel.</param>
        public CameraSensor(int size, int slots, int samples = 2)
        {
            this.size = size;
            this.slots = slots;
            this.samples = samples;
            fine = samples * size;
            owners = new byte[size * size];
            // What the shader writes is what is read: no colour conversion on the way, whatever the project's colour space.
            target = new RenderTexture(fine, fine, 24, GraphicsFormat.R8G8B8A8_UNorm) { name = "gym sensor" };
            target.Create();
            standard = new RenderPipeline.StandardRequest { destination = target };
            pixels = new NativeArray<byte>(fine * fine * 4, Allocator.Persistent);
            fallback = SystemInfo.supportsAsyncGPUReadback ? null : new Texture2D(fine, fine, TextureFormat.RGBA32, false, true);
        }

        /// <summary>What a render pipeline does before each picture, and after it even if it failed; null if it does nothing.</summary>
        public static (Action Before, Action After)? Around { get; set; }

        /// <summary>The colour outside the room.</summary>
        public static Color Background => new Color(0.13f, 0.13f, 0.15f, 1f);

        // A project in Linear converts a clear colour from sRGB; the shaders' colours and the target are not converted. So this is
        // the colour that the conversion turns into the background.
        private static Color ClearColour => QualitySettings.activeColorSpace == ColorSpace.Linear ? Background.gamma : Background;

        public RenderTexture Target => target;

        /// <summary>A sensor for images with the samples that the trainer's renderer has at that size, and no segmentation.</summary>
        public static CameraSensor ForImages(int size) => new CameraSensor(size, 0, size <= SmallImage ? 4 : 2);

        /// <summary>Renders now and requests the pixels. They are there after <see cref="Finish"/>.</summary>
        /// <param name="camera">What it sees is rendered; afterwards it has no target.</param>
        /// <param name="kind">What the picture shows.</param>
        /// <param name="slot">For one slot alone: which.</param>
        /// <param name="forTick">The tick of the state that is shown.</param>
        public void Render(Camera camera, PictureKind kind, int slot, long forTick)
        {
            // After an error, nobody may have waited for the last picture: the device still owns its pixels.
            Finish();
            tick = -1;
            var around = Around;
            around?.Before();
            Shader.SetGlobalFloat(SlotsId, kind == PictureKind.Image ? 0f : 1f);
            Shader.SetGlobalFloat(OnlySlotId, kind == PictureKind.OneSlot ? slot + 1f : 0f);
            Shader.SetGlobalVector(SamplingId, new Vector4(samples, size, 0f, 0f));
            camera.backgroundColor = kind == PictureKind.Image ? ClearColour : Color.clear;
            var active = RenderTexture.active;
            camera.targetTexture = target;
            try
            {
                RenderNow(camera);
            }
            finally
            {
                // A texture that is still a target can't be released, and the next to draw expects its own target.
                camera.targetTexture = null;
                RenderTexture.active = active;
                Shader.SetGlobalFloat(SlotsId, 0f);
                Shader.SetGlobalFloat(OnlySlotId, 0f);
                Shader.SetGlobalVector(SamplingId, default);
                around?.After();
            }
            tick = forTick;
            lost = false;
            owned = false;
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

        /// <summary>Waits for the pixels of the last picture. If all sensors render first, they share one wait.</summary>
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
            fallback.ReadPixels(new Rect(0, 0, fine, fine), 0, 0, false);
            RenderTexture.active = active;
            pixels.CopyFrom(fallback.GetRawTextureData<byte>());
        }

        /// <summary>Copies the image, red, green and blue of each pixel, top row first: the mean of each pixel's samples.</summary>
        public void CopyImage(Span<byte> output, long forTick)
        {
            RequirePicture(forTick);
            ReadOnlySpan<byte> read = pixels.AsReadOnlySpan();
            var count = samples * samples;
            var at = 0;
            for (var y = size - 1; y >= 0; y--)
            {
                for (var x = 0; x < size; x++, at += 3)
                {
                    int red = 0, green = 0, blue = 0;
                    for (var sample = 0; sample < count; sample++)
                    {
                        var of = Sample(x, y, sample);
                        red += read[of];
                        green += read[of + 1];
                        blue += read[of + 2];
                    }
                    output[at] = Mean(red, count);
                    output[at + 1] = Mean(green, count);
                    output[at + 2] = Mean(blue, count);
                }
            }
        }

        /// <summary>Copies the segmentation, top row first: slot + 1 of the object that covers at least half of a pixel, or 0.</summary>
        public void CopySlots(Span<byte> output, long forTick) => Owners(forTick).CopyTo(output);

        /// <summary>Pixels of a segmentation that show the slot.</summary>
        public int Count(int slot, long forTick)
        {
            var count = 0;
            foreach (var owner in Owners(forTick))
            {
                count += owner == slot + 1 ? 1 : 0;
            }
            return count;
        }

        private ReadOnlySpan<byte> Owners(long forTick)
        {
            RequirePicture(forTick);
            if (!owned)
            {
                ReadOnlySpan<byte> read = pixels.AsReadOnlySpan();
                RequireSlots(read);
                owned = true;
                var at = 0;
                for (var y = size - 1; y >= 0; y--)
                {
                    for (var x = 0; x < size; x++)
                    {
                        owners[at++] = Owner(read, x, y);
                    }
                }
            }
            return owners;
        }

        // Half of the samples are enough; where two objects have half each, the one of the lower slot.
        private byte Owner(ReadOnlySpan<byte> read, int x, int y)
        {
            var count = samples * samples;
            byte owner = 0;
            for (var sample = 0; sample <= count / 2; sample++)
            {
                var number = read[Sample(x, y, sample)];
                if (number == 0 || (owner != 0 && number >= owner))
                {
                    continue;
                }
                var same = 1;
                for (var other = sample + 1; other < count; other++)
                {
                    same += read[Sample(x, y, other)] == number ? 1 : 0;
                }
                owner = 2 * same >= count ? number : owner;
            }
            return owner;
        }

        // Where a sample of a pixel lies in what was read, whose rows go upwards.
        private int Sample(int x, int y, int sample) => 4 * ((((y * samples) + (sample / samples)) * fine) + (x * samples) + (sample % samples));

        private static byte Mean(int sum, int count) => (byte)(((2 * sum) + count) / (2 * count));

        // As in the shaders; 0 is the room and what is outside it.
        private static byte[] AllChecks()
        {
            var checks = new byte[256];
            for (var number = 1; number < checks.Length; number++)
            {
                checks[number] = (byte)(128 + (37 * number * number % 127));
            }
            return checks;
        }

        // A filter on the way makes numbers that no object has: the picture would be wrong and look right.
        private void RequireSlots(ReadOnlySpan<byte> read)
        {
            for (var at = 0; at < read.Length; at += 4)
            {
                var number = read[at];
                if (number > slots || read[at + 1] != Checks[number])
                {
                    throw new InvalidOperationException(
                        $"the segmentation has the number {number} with the check {read[at + 1]}, and only 0 to {slots} were drawn, each with its own: something filtered the picture. In URP's asset set Render Scale to 1 and "
                        + "Upscaling Filter to Automatic, and remove renderer features such as full-screen passes from its default renderer");
                }
            }
        }

        private void RequirePicture(long forTick)
        {
            if (lost)
            {
                throw new InvalidOperationException("the graphics device did not return the picture, although it was requested twice");
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
