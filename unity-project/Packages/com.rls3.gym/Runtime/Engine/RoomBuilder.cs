#nullable enable
using System;
using System.Collections.Generic;
using Rls3.Gym.Core;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>
    /// Builds the rooms of a catalog from game objects at run time, so a new room is data. It holds all scenes and objects of the
    /// catalog and shows those in the state.
    /// </summary>
    public sealed class RoomBuilder : IDisposable
    {
        /// <summary>Corners of round parts of the room, as the trainer's own renderer draws them.</summary>
        private const int RoomSides = 64;

        /// <summary>Below this radius, in millimetres, a part of an object is small, and has half as many corners.</summary>
        private const float SmallRadius = 62f;
        private const int SmallImage = 96;

        private readonly Catalog catalog;
        private readonly int imageSize;
        private readonly GameObject[] scenes;
        private readonly BuiltObject[] objects;
        private readonly RoomLight light;
        private readonly RoomAssets assets = new RoomAssets();
        private readonly MaterialPropertyBlock block = new MaterialPropertyBlock();
        private int shownScene = -1;

        private readonly struct BuiltObject
        {
            public readonly GameObject Root;
            public readonly Renderer[] Renderers;
            public readonly BoxCollider Collider;

            public BuiltObject(GameObject root, Renderer[] renderers, BoxCollider collider)
            {
                Root = root;
                Renderers = renderers;
                Collider = collider;
            }
        }

        /// <param name="catalog">The world.</param>
        /// <param name="area">What it builds below.</param>
        /// <param name="imageSize">Side of the pictures in pixels.</param>
        public RoomBuilder(Catalog catalog, Transform area, int imageSize)
        {
            this.catalog = catalog;
            this.imageSize = imageSize;
            light = new RoomLight(catalog);
            Area = area;
            scenes = new GameObject[catalog.Scenes.Count];
            for (var i = 0; i < scenes.Length; i++)
            {
                scenes[i] = BuildScene(catalog.Scenes[i]);
            }
            objects = new BuiltObject[catalog.Objects.Count];
            for (var i = 0; i < objects.Length; i++)
            {
                objects[i] = BuildObject(catalog.Objects[i]);
            }
        }

        public Transform Area { get; }

        /// <summary>The collider of a catalog's object, for a comparison of the physics engine with the rules.</summary>
        public BoxCollider ColliderOf(int type) => objects[type].Collider;

        /// <summary>Destroys materials and meshes; the game objects go with their parent.</summary>
        public void Dispose() => assets.Dispose();

        /// <summary>Shows a state: what is not in it is switched off.</summary>
        public void Show(RoomWorld world)
        {
            if (shownScene != world.Scene.Index)
            {
                for (var i = 0; i < scenes.Length; i++)
                {
                    scenes[i].SetActive(i == world.Scene.Index);
                }
                shownScene = world.Scene.Index;
            }
            var state = world.Objects;
            for (var type = 0; type < objects.Length; type++)
            {
                var slot = SlotOf(state, type);
                objects[type].Root.SetActive(slot >= 0);
                if (slot >= 0)
                {
                    Place(objects[type], world.Scene, state.Slice(slot * PlacementRules.Fields, PlacementRules.Fields), slot);
                }
            }
        }

        private void Place(in BuiltObject built, Scene scene, ReadOnlySpan<int> fields, int slot)
        {
            var transform = built.Root.transform;
            transform.localPosition = UnityFrame.Point(fields[1], fields[2], fields[3]);
            transform.localRotation = UnityFrame.Yaw(fields[4], catalog.Rules.YawSteps);
            RoomMaterials.SetSlot(built.Renderers, slot, light.Half(scene, new Vector3(fields[1], fields[2], fields[3])), block);
        }

        private static int SlotOf(ReadOnlySpan<int> state, int type)
        {
            for (var slot = 0; slot * PlacementRules.Fields < state.Length; slot++)
            {
                if (state[slot * PlacementRules.Fields] == type)
                {
                    return slot;
                }
            }
            return -1;
        }

        private GameObject BuildScene(Scene scene)
        {
            var root = Child(Area, scene.Name);
            var floor = Surface(scene.Document.Get("floorColor"), scene.Document.Get("floorPattern"), -1);
            var wall = Surface(scene.Document.Get("wallColor"), scene.Document.Get("wallPattern"), -1);
            var x = scene.SizeX / 1000f;
            var y = scene.SizeY / 1000f;
            var z = scene.SizeZ / 1000f;
            var corner = new Vector3(-x / 2f, 0f, z / 2f);
            var width = new Vector3(x, 0f, 0f);
            var height = new Vector3(0f, y, 0f);
            var depth = new Vector3(0f, 0f, -z);
            // The room is open towards the camera and above; all of it faces inwards.
            Face(root.transform, "floor", corner + depth, depth * -1f, width, floor);
            Face(root.transform, "back wall", corner, height, width, wall);
            Face(root.transform, "left wall", corner, depth, height, wall);
            Face(root.transform, "right wall", corner + width, height, depth, wall);
            var documents = scene.Document.Get("furniture");
            for (var i = 0; i < scene.Furniture.Length; i++)
            {
                BuildFurniture(root.transform, scene.Furniture[i], documents?.Items[i], i);
            }
            foreach (var primitive in Items(scene.Document.Get("decoration")))
            {
                BuildPrimitive(root.transform, primitive, RoomSides, SurfaceOf(primitive, -1));
            }
            return root;
        }

        // The rules and the collider know the box; what is seen are its parts, where it has any.
        private void BuildFurniture(Transform parent, Furniture furniture, WireValue? document, int index)
        {
            var x = (furniture.X.Low + furniture.X.High) / 2f;
            var y = (furniture.Y.Low + furniture.Y.High) / 2f;
            var z = (furniture.Z.Low + furniture.Z.High) / 2f;
            var sizeX = furniture.X.High - furniture.X.Low;
            var sizeY = furniture.Y.High - furniture.Y.Low;
            var sizeZ = furniture.Z.High - furniture.Z.Low;
            var holder = Child(parent, furniture.Name);
            var collider = holder.AddComponent<BoxCollider>();
            collider.center = UnityFrame.Point(x, y, z);
            collider.size = UnityFrame.Size(sizeX, sizeY, sizeZ);
            var parts = Items(document?.Get("parts"));
            foreach (var part in parts)
            {
                BuildPrimitive(holder.transform, part, RoomSides, SurfaceOf(part, index));
            }
            if (parts.Count == 0)
            {
                var surface = Surface(document?.Get("color"), document?.Get("pattern"), index);
                var middle = new Vector3(x, y, z);
                var half = new Vector3(sizeX, sizeY, sizeZ) / 2f;
                RoomMaterials.SetEdges(surface, middle - half, middle + half);
                Build(assets.Box, holder.transform, "box", middle, UnityFrame.Size(sizeX, sizeY, sizeZ), surface);
            }
        }

        private static IReadOnlyList<WireValue> Items(WireValue? array) => array == null ? new List<WireValue>() : array.Items;

        private BuiltObject BuildObject(CatalogObject item)
        {
            var root = Child(Area, item.Name);
            foreach (var primitive in Items(item.Document.Get("primitives")))
            {
                BuildPrimitive(root.transform, primitive, SidesOf(primitive), assets.Object(UnityFrame.Colour(primitive.Get("color")), Number(primitive, "gloss")));
            }
            var solids = root.GetComponentsInChildren<Renderer>(true);
            var collider = root.AddComponent<BoxCollider>();
            collider.size = UnityFrame.Size(item.SizeX, item.SizeY, item.SizeZ);
            collider.center = new Vector3(0f, item.SizeY / 2000f, 0f);
            return new BuiltObject(root, solids, collider);
        }

        // As many corners as the trainer's own renderer gives a part of an object, or outlines would differ.
        private int SidesOf(WireValue primitive)
        {
            var radius = Mathf.Max(Number(primitive, "bottomRadius"), Number(primitive, "topRadius"));
            foreach (var length in Items(primitive.Get("radii")))
            {
                radius = Mathf.Max(radius, (float)length.Number);
            }
            foreach (var point in Items(primitive.Get("profile")))
            {
                radius = Mathf.Max(radius, (float)point.Items[0].Number);
            }
            return (radius < SmallRadius ? 8 : 16) * (imageSize <= SmallImage ? 1 : 2);
        }

        private void BuildPrimitive(Transform parent, WireValue primitive, int sides, Material material)
        {
            var offset = UnityFrame.Numbers(primitive.Get("offset"));
            switch (primitive.Get("shape")?.Text)
            {
                case "frustum":
                    var frustum = assets.Keep(FrustumMesh.Create(Metres(primitive, "bottomRadius"), Metres(primitive, "topRadius"), Metres(primitive, "height"), sides));
                    Build(frustum, parent, "frustum", offset, Vector3.one, material);
                    break;
                case "ellipsoid":
                    var radii = UnityFrame.Numbers(primitive.Get("radii"));
                    Build(assets.Ball(sides), parent, "ellipsoid", offset, UnityFrame.Size(2f * radii.x, 2f * radii.y, 2f * radii.z), material);
                    break;
                case "lathe":
                    BuildLathe(parent, primitive, offset, material, sides);
                    break;
                case "box":
                    var half = UnityFrame.Numbers(primitive.Get("halfSize"));
                    Build(assets.Box, parent, "box", offset, UnityFrame.Size(2f * half.x, 2f * half.y, 2f * half.z), material);
                    break;
                default:
                    throw new CatalogException($"a primitive has the shape \"{primitive.Get("shape")?.Text}\", which Unity's rooms can't build");
            }
        }

        private void BuildLathe(Transform parent, WireValue primitive, Vector3 offset, Material material, int sides)
        {
            var profile = new List<Vector3>();
            foreach (var point in Items(primitive.Get("profile")))
            {
                profile.Add(new Vector3((float)point.Items[0].Number / 1000f, (float)point.Items[1].Number / 1000f, 0f));
            }
            var inside = LatheMesh.InsideFrom(profile);
            Build(assets.Keep(LatheMesh.Create(profile, 0, inside, sides)), parent, "lathe", offset, Vector3.one, material);
            if (inside < profile.Count - 1)
            {
                var colour = primitive.Get("insideColor");
                var paint = colour == null ? material : assets.Object(UnityFrame.Colour(colour), Number(primitive, "gloss"));
                Build(assets.Keep(LatheMesh.Create(profile, inside, profile.Count - 1, sides)), parent, "lathe inside", offset, Vector3.one, paint);
            }
        }

        private Material SurfaceOf(WireValue primitive, int part)
        {
            var surface = Surface(primitive.Get("color"), primitive.Get("pattern"), part);
            if (primitive.Get("shape")?.Text == "box")
            {
                var middle = UnityFrame.Numbers(primitive.Get("offset"));
                var half = UnityFrame.Numbers(primitive.Get("halfSize"));
                RoomMaterials.SetEdges(surface, middle - half, middle + half);
            }
            return surface;
        }

        private Material Surface(WireValue? colour, WireValue? pattern, int part) => assets.Keep(RoomMaterials.Surface(UnityFrame.Colour(colour), pattern, part));

        private static float Metres(WireValue primitive, string key) => Number(primitive, key) / 1000f;

        private static float Number(WireValue primitive, string key) => (float)(primitive.Get(key)?.Number ?? 0);

        private void Face(Transform parent, string name, Vector3 corner, Vector3 u, Vector3 v, Material material) =>
            Build(assets.Keep(FaceMesh.Create(corner, u, v)), parent, name, Vector3.zero, Vector3.one, material);

        // Its place in millimetres of the world's frame.
        private static void Build(Mesh mesh, Transform parent, string name, Vector3 offset, Vector3 scale, Material material)
        {
            var built = Child(parent, name);
            built.AddComponent<MeshFilter>().sharedMesh = mesh;
            built.AddComponent<MeshRenderer>().sharedMaterial = material;
            built.transform.localPosition = UnityFrame.Point(offset.x, offset.y, offset.z);
            built.transform.localScale = scale;
        }

        private static GameObject Child(Transform parent, string name)
        {
            var child = new GameObject(name);
            child.transform.SetParent(parent, false);
            return child;
        }
    }
}
