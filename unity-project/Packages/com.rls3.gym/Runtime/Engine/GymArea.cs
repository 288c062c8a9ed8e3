#nullable enable
using System;
using System.Collections.Generic;
using Rls3.Gym.Core;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>
    /// One environment's place in the Unity scene: a room of its own, far enough from the next one that no camera sees both,
    /// and its sensors. It renders on request, and nothing else.
    /// </summary>
    public sealed class GymArea : IRoomRenderer, IDisposable
    {
        /// <summary>Metres from one area to the next; a camera's far plane is nearer.</summary>
        private const float Spacing = 100f;
        private const float FarPlane = 50f;
        private const int ImageSamples = 4;

        private readonly Catalog catalog;
        private readonly GameObject root;
        private readonly CameraSensor image;
        private readonly CameraSensor segmentation;
        private readonly CameraSensor[] alone;
        private readonly Camera[] cameras;
        private readonly Action<Camera>? prepareCamera;
        private RoomWorld? world;
        private long tick;
        private bool disposed;

        /// <param name="catalog">The world.</param>
        /// <param name="index">Of the environment.</param>
        /// <param name="imageSize">Side of its pictures in pixels.</param>
        /// <param name="prepareCamera">What a render pipeline wants of a camera; null where it wants nothing.</param>
        public GymArea(Catalog catalog, int index, int imageSize, Action<Camera>? prepareCamera)
        {
            this.catalog = catalog;
            this.prepareCamera = prepareCamera;
            root = new GameObject($"gym area {index}");
            root.transform.position = new Vector3(Spacing * index, 0f, 0f);
            Builder = new RoomBuilder(catalog, root.transform);
            var active = catalog.Rules.ActiveObjects;
            cameras = new Camera[2 + active];
            for (var i = 0; i < cameras.Length; i++)
            {
                cameras[i] = BuildCamera($"camera {i}");
            }
            image = new CameraSensor(cameras[0], imageSize, ImageSamples);
            segmentation = new CameraSensor(cameras[1], imageSize, 1);
            alone = new CameraSensor[active];
            for (var slot = 0; slot < active; slot++)
            {
                alone[slot] = new CameraSensor(cameras[2 + slot], imageSize, 1);
            }
        }

        public RoomBuilder Builder { get; }

        /// <summary>The last image, for the Editor's window.</summary>
        public RenderTexture Image => image.Target;

        /// <summary>The world that this area shows.</summary>
        public RoomWorld? World => world;

        public void Attach(RoomWorld shown) => world = shown;

        public bool Draws(string uid) => uid == "image" || uid == "segmentation" || uid == "pixels";

        /// <summary>Shows the world's state as it is now and renders what is wanted of it; the pixels come with <see cref="Finish"/>.</summary>
        public void Render(bool wantImage, bool wantSegmentation, bool wantPixels)
        {
            if (world == null)
            {
                return;
            }
            tick++;
            Builder.Show(world);
            Physics.SyncTransforms();
            Aim(world.Scene);
            if (wantImage)
            {
                image.Render(PictureKind.Image, -1, tick);
            }
            if (wantSegmentation || wantPixels)
            {
                segmentation.Render(PictureKind.Segmentation, -1, tick);
            }
            for (var slot = 0; wantPixels && slot < alone.Length; slot++)
            {
                alone[slot].Render(PictureKind.OneSlot, slot, tick);
            }
        }

        public void Finish()
        {
            image.Finish();
            segmentation.Finish();
            foreach (var sensor in alone)
            {
                sensor.Finish();
            }
        }

        public void Observe(string uid, RoomWorld shown, TensorSpan output)
        {
            if (shown != world)
            {
                throw new InvalidOperationException("this area shows another environment's world");
            }
            switch (uid)
            {
                case "image":
                    image.CopyTo(output.Bytes, 3, tick);
                    break;
                case "segmentation":
                    segmentation.CopyTo(output.Bytes, 1, tick);
                    break;
                default:
                    for (var slot = 0; slot < alone.Length; slot++)
                    {
                        output.Int32[2 * slot] = segmentation.Count(slot, tick);
                        output.Int32[(2 * slot) + 1] = alone[slot].Count(slot, tick);
                    }
                    break;
            }
        }

        /// <summary>Called twice (by its environment, and by all areas' end) it does nothing.</summary>
        public void Dispose()
        {
            if (disposed)
            {
                return;
            }
            disposed = true;
            image.Dispose();
            segmentation.Dispose();
            foreach (var sensor in alone)
            {
                sensor.Dispose();
            }
            UnityEngine.Object.Destroy(root);
        }

        private Camera BuildCamera(string name)
        {
            var holder = new GameObject(name);
            holder.transform.SetParent(root.transform, false);
            var camera = holder.AddComponent<Camera>();
            camera.clearFlags = CameraClearFlags.SolidColor;
            camera.nearClipPlane = 0.05f;
            camera.farClipPlane = FarPlane;
            camera.aspect = 1f;
            camera.allowHDR = false;
            camera.useOcclusionCulling = false;
            prepareCamera?.Invoke(camera);
            return camera;
        }

        private void Aim(Scene scene)
        {
            var tangent = catalog.Document.Get("camera")?.Get("halfFieldTangent");
            var document = scene.Document.Get("camera");
            var position = UnityFrame.Numbers(document?.Get("position"));
            var target = UnityFrame.Numbers(document?.Get("target"));
            var from = UnityFrame.Point(position.x, position.y, position.z);
            var towards = UnityFrame.Point(target.x, target.y, target.z) - from;
            foreach (var camera in cameras)
            {
                camera.fieldOfView = 2f * Mathf.Atan(tangent == null ? 0.5f : (float)tangent.Number) * Mathf.Rad2Deg;
                camera.transform.localPosition = from;
                camera.transform.localRotation = Quaternion.LookRotation(towards, Vector3.up);
            }
            var light = catalog.Document.Get("light");
            var direction = UnityFrame.Numbers(light?.Get("direction"));
            CameraSensor.Light(
                UnityFrame.Direction(direction.x, direction.y, direction.z),
                (float)(light?.Get("ambient")?.Number ?? 1),
                (float)(light?.Get("diffuse")?.Number ?? 0));
        }
    }

    /// <summary>All areas of a server: their pictures are rendered one after another, and waited for once.</summary>
    public sealed class GymAreas : IDisposable
    {
        private readonly SortedDictionary<int, GymArea> areas = new SortedDictionary<int, GymArea>();

        /// <summary>An environment's area; null before it was made.</summary>
        public GymArea? Of(int env) => areas.TryGetValue(env, out var area) ? area : null;

        /// <summary>The area of an environment. One that is made anew after a crash takes the place of the old one.</summary>
        public GymArea Add(int env, GymArea area)
        {
            areas[env] = area;
            return area;
        }

        /// <summary>Called before the observations of a batch.</summary>
        public void Render(IReadOnlyList<int> envs, IReadOnlyList<TensorSpec> want)
        {
            var image = false;
            var segmentation = false;
            var pixels = false;
            for (var i = 0; i < want.Count; i++)
            {
                image |= want[i].Uid == "image";
                segmentation |= want[i].Uid == "segmentation";
                pixels |= want[i].Uid == "pixels";
            }
            if (!image && !segmentation && !pixels)
            {
                return;
            }
            for (var i = 0; i < envs.Count; i++)
            {
                areas[envs[i]].Render(image, segmentation, pixels);
            }
            for (var i = 0; i < envs.Count; i++)
            {
                areas[envs[i]].Finish();
            }
        }

        public void Dispose()
        {
            foreach (var area in areas.Values)
            {
                area.Dispose();
            }
            areas.Clear();
        }
    }
}
