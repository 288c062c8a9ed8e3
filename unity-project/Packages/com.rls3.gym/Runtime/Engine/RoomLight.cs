#nullable enable
using System;
using Rls3.Gym.Core;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>
    /// What the shaders know of the room that is shown: its light, the boxes that shade it, and the objects' contact shadows.
    /// Lengths are millimetres of the world's frame, but for the light's direction, which is Unity's.
    /// </summary>
    internal sealed class RoomLight
    {
        /// <summary>As many boxes and contact shadows as the room's shader takes; further ones are left out.</summary>
        private const int Boxes = 32;
        private const int Shadows = 16;

        /// <summary>Radius of a contact shadow as a share of the object's mean half size, and its length as a share of the true one's, as in the trainer's renderer.</summary>
        private const float ShadowSpread = 1.15f;
        private const float ShadowLength = 0.6f;

        private static readonly int LightId = Shader.PropertyToID("_GymLight");
        private static readonly int ShadingId = Shader.PropertyToID("_GymShading");
        private static readonly int RoomId = Shader.PropertyToID("_GymRoom");
        private static readonly int LowId = Shader.PropertyToID("_GymBoxLow");
        private static readonly int HighId = Shader.PropertyToID("_GymBoxHigh");
        private static readonly int EyeId = Shader.PropertyToID("_GymEye");
        private static readonly int ForwardId = Shader.PropertyToID("_GymForward");
        private static readonly int RightId = Shader.PropertyToID("_GymRight");
        private static readonly int UpId = Shader.PropertyToID("_GymUp");
        private static readonly int ShadowId = Shader.PropertyToID("_GymShadow");
        private static readonly int ShadowEndId = Shader.PropertyToID("_GymShadowEnd");

        private readonly Vector4[] low = new Vector4[Boxes];
        private readonly Vector4[] high = new Vector4[Boxes];
        private readonly Vector4[] shadow = new Vector4[Shadows];
        private readonly Vector4[] shadowEnd = new Vector4[Shadows];
        private readonly Vector3 direction;
        private readonly Vector4 shading;

        public RoomLight(Catalog catalog)
        {
            var light = catalog.Document.Get("light");
            direction = UnityFrame.Numbers(light?.Get("direction")).normalized;
            shading = new Vector4(
                (float)(light?.Get("ambient")?.Number ?? 1), (float)(light?.Get("diffuse")?.Number ?? 0), 1f - (float)(catalog.Document.Get("contactShadow")?.Number ?? 1), 0f);
        }

        /// <summary>Tells the shaders of a world as it is now.</summary>
        public void Set(RoomWorld world)
        {
            var scene = world.Scene;
            Shader.SetGlobalVector(LightId, UnityFrame.Direction(direction.x, direction.y, direction.z));
            Shader.SetGlobalVector(ShadingId, shading);
            SetFurniture(scene);
            var objects = world.Objects;
            var count = Math.Min(Shadows, objects.Length / PlacementRules.Fields);
            for (var slot = 0; slot < count; slot++)
            {
                SetShadow(world.Catalog, objects.Slice(slot * PlacementRules.Fields, PlacementRules.Fields), slot);
            }
            var eye = Eye(scene);
            var forward = (UnityFrame.Numbers(scene.Document.Get("camera")?.Get("target")) - eye).normalized;
            Shader.SetGlobalVector(EyeId, new Vector4(eye.x, eye.y, eye.z, count));
            Shader.SetGlobalVector(ForwardId, forward);
            var camera = scene.Camera;
            Shader.SetGlobalVector(RightId, OfField(camera.Right, camera.HalfField));
            Shader.SetGlobalVector(UpId, OfField(camera.Up, camera.HalfField));
            Shader.SetGlobalVectorArray(ShadowId, shadow);
            Shader.SetGlobalVectorArray(ShadowEndId, shadowEnd);
        }

        /// <summary>Half way between the lamp and the camera, as Unity has it, for an object whose base is there.</summary>
        public Vector3 Half(Scene scene, Vector3 place)
        {
            var half = (direction + (Eye(scene) - place).normalized).normalized;
            return UnityFrame.Direction(half.x, half.y, half.z);
        }

        /// <summary>A direction of the camera, of the length of the tangent of half its field of view.</summary>
        private static Vector3 OfField(IntVector direction, int halfField) =>
            new Vector3(direction.X, direction.Y, direction.Z) * ((float)halfField / YawTable.Scale / YawTable.Scale);

        private static Vector3 Eye(Scene scene) => UnityFrame.Numbers(scene.Document.Get("camera")?.Get("position"));

        private void SetFurniture(Scene scene)
        {
            var count = Math.Min(Boxes, scene.Furniture.Length);
            for (var at = 0; at < count; at++)
            {
                var box = scene.Furniture[at];
                low[at] = new Vector4(box.X.Low, box.Y.Low, box.Z.Low, 0f);
                high[at] = new Vector4(box.X.High, box.Y.High, box.Z.High, 0f);
            }
            Shader.SetGlobalVector(RoomId, new Vector4(scene.SizeX, scene.SizeY, scene.SizeZ, count));
            Shader.SetGlobalVectorArray(LowId, low);
            Shader.SetGlobalVectorArray(HighId, high);
        }

        private void SetShadow(Catalog catalog, ReadOnlySpan<int> fields, int slot)
        {
            var item = catalog.Objects[fields[0]];
            var length = item.SizeY * ShadowLength / direction.y;
            shadow[slot] = new Vector4(fields[1], fields[2], fields[3], (item.SizeX + item.SizeZ) / 4f * ShadowSpread);
            shadowEnd[slot] = new Vector4(-direction.x * length, -direction.z * length, 0f, 0f);
        }
    }
}
