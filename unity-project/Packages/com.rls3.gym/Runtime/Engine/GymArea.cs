#nullable enable
using System;
using System.Collections.Generic;
using Rls3.Gym.Core;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>Takes the pictures of one environment, on request only, in the room that all environments share.</summary>
    public sealed class GymArea : IRoomRenderer, IDisposable
    {
        private readonly GymRoom room;
        private readonly CameraSensor image;
        private readonly CameraSensor segmentation;
        private readonly CameraSensor[] alone;
        private RoomWorld? world;
        private Exception? failure;
        private long tick;

        /// <param name="room">Where its world is shown while it renders.</param>
        /// <param name="imageSize">Side of its pictures in pixels.</param>
        /// <param name="active">Objects of a layout.</param>
        public GymArea(GymRoom room, int imageSize, int active)
        {
            this.room = room;
            image = CameraSensor.ForImages(imageSize);
            segmentation = new CameraSensor(imageSize, active);
            alone = new CameraSensor[active];
            for (var slot = 0; slot < active; slot++)
            {
                alone[slot] = new CameraSensor(imageSize, active);
            }
        }

        /// <summary>Its pictures are destroyed: its environment has ended or crashed.</summary>
        public bool Disposed { get; private set; }

        /// <summary>The last image, for the Editor's window; not of a disposed area.</summary>
        public RenderTexture Image => image.Target;

        /// <summary>The world that this area shows.</summary>
        public RoomWorld? World => world;

        public void Attach(RoomWorld shown) => world = shown;

        public bool Draws(string uid) => uid == "image" || uid == "segmentation" || uid == "pixels";

        /// <summary>Shows its world and compares it with the physics engine (<see cref="PhysicsCheck"/>). There is no world before the first reset.</summary>
        public IReadOnlyList<string> CompareWithPhysics()
        {
            var shown = world ?? throw new InvalidOperationException("the environment has no world yet: reset it first");
            // Light and camera too: people see the state that is compared.
            room.Show(shown);
            return PhysicsCheck.Disagreements(room.Builder, shown);
        }

        /// <summary>A new tick: pictures of the one before are refused from now on.</summary>
        public void Begin()
        {
            tick++;
            failure = null;
        }

        /// <summary>Renders the image; its pixels come with <see cref="Finish"/>.</summary>
        public void RenderImage()
        {
            if (world != null)
            {
                room.Show(world);
                image.Render(room.Camera, PictureKind.Image, -1, tick);
            }
        }

        /// <summary>Renders the segmentation, and that of each slot alone where pixels are counted.</summary>
        public void RenderSegmentation(bool wantPixels)
        {
            if (world == null)
            {
                return;
            }
            room.Show(world);
            segmentation.Render(room.Camera, PictureKind.Segmentation, -1, tick);
            for (var slot = 0; wantPixels && slot < alone.Length; slot++)
            {
                alone[slot].Render(room.Camera, PictureKind.OneSlot, slot, tick);
            }
        }

        /// <summary>Notes this tick's error, which is reported when a picture of this environment is wanted.</summary>
        public void Fail(Exception error) => failure = error;

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
            if (failure != null)
            {
                throw new InvalidOperationException($"it could not be rendered: {failure.Message}", failure);
            }
            switch (uid)
            {
                case "image":
                    image.CopyImage(output.Bytes, tick);
                    break;
                case "segmentation":
                    segmentation.CopySlots(output.Bytes, tick);
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
            if (Disposed)
            {
                return;
            }
            Disposed = true;
            image.Dispose();
            segmentation.Dispose();
            foreach (var sensor in alone)
            {
                sensor.Dispose();
            }
        }
    }
}
