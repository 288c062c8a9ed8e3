#nullable enable
using System;
using Rls3.Gym.Core;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>
    /// The one room of a server, at the origin of the Unity scene, where coordinates are finest: it shows the world of one
    /// environment at a time, to the camera that takes pictures and to people.
    /// </summary>
    public sealed class GymRoom : IDisposable
    {
        private const float FarPlane = 50f;

        private readonly Catalog catalog;
        private readonly GameObject root;
        private readonly RoomLight light;
        private readonly Camera? spectator;
        private Scene? aimed;

        /// <param name="catalog">The world.</param>
        /// <param name="imageSize">Side of the pictures in pixels: larger ones show finer shapes.</param>
        /// <param name="prepareCamera">How a render pipeline prepares a camera; null if it does nothing.</param>
        /// <param name="spectators">Whether people watch: then a second camera draws each frame for them.</param>
        public GymRoom(Catalog catalog, int imageSize, Action<Camera>? prepareCamera, bool spectators)
        {
            this.catalog = catalog;
            root = new GameObject("gym room");
            light = new RoomLight(catalog);
            Builder = new RoomBuilder(catalog, root.transform, imageSize);
            Camera = BuildCamera("pictures", prepareCamera);
            Camera.aspect = 1f;
            // It draws on request, never by itself.
            Camera.enabled = false;
            if (spectators)
            {
                spectator = BuildCamera("spectator", prepareCamera);
                spectator.backgroundColor = CameraSensor.Background;
                // Cameras of the scene itself draw over it.
                spectator.depth = -100f;
            }
        }

        public RoomBuilder Builder { get; }

        /// <summary>The camera that takes pictures.</summary>
        public Camera Camera { get; }

        /// <summary>Whether people watch.</summary>
        public bool Watched => spectator != null;

        /// <summary>The world that is shown; null before the first.</summary>
        public RoomWorld? Shown { get; private set; }

        /// <summary>Shows a world's state as it is now.</summary>
        public void Show(RoomWorld world)
        {
            Builder.Show(world);
            light.Set(world);
            if (aimed != world.Scene)
            {
                Aim(world.Scene);
                aimed = world.Scene;
            }
            Shown = world;
        }

        public void Dispose()
        {
            RoomAssets.Destroy(root);
            Builder.Dispose();
        }

        private Camera BuildCamera(string name, Action<Camera>? prepare)
        {
            var holder = new GameObject(name);
            holder.transform.SetParent(root.transform, false);
            var camera = holder.AddComponent<Camera>();
            camera.clearFlags = CameraClearFlags.SolidColor;
            camera.nearClipPlane = 0.05f;
            camera.farClipPlane = FarPlane;
            camera.allowHDR = false;
            camera.useOcclusionCulling = false;
            prepare?.Invoke(camera);
            return camera;
        }

        private void Aim(Scene scene)
        {
            var document = scene.Document.Get("camera");
            var position = UnityFrame.Numbers(document?.Get("position"));
            var target = UnityFrame.Numbers(document?.Get("target"));
            var from = UnityFrame.Point(position.x, position.y, position.z);
            var towards = UnityFrame.Point(target.x, target.y, target.z) - from;
            var tangent = (float)(catalog.Document.Get("camera")?.Get("halfFieldTangent")?.Number ?? 0.5);
            Aim(Camera, from, towards, tangent);
            if (spectator != null)
            {
                Aim(spectator, from, towards, tangent);
            }
        }

        private static void Aim(Camera camera, Vector3 from, Vector3 towards, float halfFieldTangent)
        {
            camera.fieldOfView = 2f * Mathf.Atan(halfFieldTangent) * Mathf.Rad2Deg;
            camera.transform.localPosition = from;
            camera.transform.localRotation = Quaternion.LookRotation(towards, Vector3.up);
        }
    }
}
