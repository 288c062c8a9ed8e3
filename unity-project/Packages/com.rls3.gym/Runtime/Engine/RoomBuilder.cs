#nullable enable
using System.Collections.Generic;
using Rls3.Gym.Core;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>
    /// Builds a room of a catalog out of game objects, at run time: a new room is data. One area of the Unity scene holds all
    /// scenes and objects of a catalog, and shows those that the state names.
    /// </summary>
    public sealed class RoomBuilder
    {
        private readonly Catalog catalog;
        private readonly GameObject[] scenes;
        private readonly BuiltObject[] objects;
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

        public RoomBuilder(Catalog catalog, Transform area)
        {
            this.catalog = catalog;
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
                    Place(objects[type], state.Slice(slot * PlacementRules.Fields, PlacementRules.Fields), slot);
                }
            }
        }

        private void Place(in BuiltObject built, System.ReadOnlySpan<int> fields, int slot)
        {
            var transform = built.Root.transform;
            transform.localPosition = UnityFrame.Point(fields[1], fields[2], fields[3]);
            transform.localRotation = UnityFrame.Yaw(fields[4], catalog.Rules.YawSteps);
            RoomMaterials.SetSlot(built.Renderers, slot, block);
        }

        private static int SlotOf(System.ReadOnlySpan<int> state, int type)
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
            var floor = RoomMaterials.Solid(UnityFrame.Colour(scene.Document.Get("floorColor")));
            var wall = RoomMaterials.Solid(UnityFrame.Colour(scene.Document.Get("wallColor")));
            float x = scene.SizeX;
            float y = scene.SizeY;
            float z = scene.SizeZ;
            const float thin = 10f;
            // The room is open towards the camera and above.
            Box(root.transform, "floor", 0, -thin / 2, 0, x, thin, z, floor);
            Box(root.transform, "back wall", 0, y / 2, -(z + thin) / 2, x, y, thin, wall);
            Box(root.transform, "left wall", -(x + thin) / 2, y / 2, 0, thin, y, z, wall);
            Box(root.transform, "right wall", (x + thin) / 2, y / 2, 0, thin, y, z, wall);
            var documents = scene.Document.Get("furniture");
            for (var i = 0; i < scene.Furniture.Length; i++)
            {
                BuildFurniture(root.transform, scene.Furniture[i], documents?.Items[i]);
            }
            foreach (var primitive in Items(scene.Document.Get("decoration")))
            {
                BuildPrimitive(root.transform, primitive);
            }
            return root;
        }

        // The rules and the collider know the box; what is seen are its parts, where it has any.
        private static void BuildFurniture(Transform parent, Furniture furniture, WireValue? document)
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
                BuildPrimitive(holder.transform, part);
            }
            if (parts.Count == 0)
            {
                Box(holder.transform, "box", x, y, z, sizeX, sizeY, sizeZ, RoomMaterials.Solid(UnityFrame.Colour(document?.Get("color"))));
            }
        }

        private static IReadOnlyList<WireValue> Items(WireValue? array) => array == null ? new List<WireValue>() : array.Items;

        private BuiltObject BuildObject(CatalogObject item)
        {
            var root = Child(Area, item.Name);
            foreach (var primitive in Items(item.Document.Get("primitives")))
            {
                BuildPrimitive(root.transform, primitive);
            }
            var solids = root.GetComponentsInChildren<Renderer>(true);
            BuildContactShadow(root.transform, item);
            var collider = root.AddComponent<BoxCollider>();
            collider.size = UnityFrame.Size(item.SizeX, item.SizeY, item.SizeZ);
            collider.center = new Vector3(0f, item.SizeY / 2000f, 0f);
            return new BuiltObject(root, solids, collider);
        }

        private static void BuildPrimitive(Transform parent, WireValue primitive)
        {
            var offset = UnityFrame.Numbers(primitive.Get("offset"));
            var material = RoomMaterials.Solid(UnityFrame.Colour(primitive.Get("color")));
            switch (primitive.Get("shape")?.Text)
            {
                case "frustum":
                    var frustum = FrustumMesh.Create(Metres(primitive, "bottomRadius"), Metres(primitive, "topRadius"), Metres(primitive, "height"));
                    BuildTurned(parent, "frustum", frustum, offset, material);
                    break;
                case "ellipsoid":
                    var radii = UnityFrame.Numbers(primitive.Get("radii"));
                    Primitive(PrimitiveType.Sphere, parent, "ellipsoid", offset, 2f * radii, material);
                    break;
                case "lathe":
                    BuildLathe(parent, primitive, offset, material);
                    break;
                case "box":
                    var half = UnityFrame.Numbers(primitive.Get("halfSize"));
                    Primitive(PrimitiveType.Cube, parent, "box", offset, 2f * half, material);
                    break;
                default:
                    throw new CatalogException($"a primitive has the shape \"{primitive.Get("shape")?.Text}\", which Unity's rooms can't build");
            }
        }

        private static void BuildLathe(Transform parent, WireValue primitive, Vector3 offset, Material material)
        {
            var profile = new List<Vector3>();
            foreach (var point in Items(primitive.Get("profile")))
            {
                profile.Add(new Vector3((float)point.Items[0].Number / 1000f, (float)point.Items[1].Number / 1000f, 0f));
            }
            var inside = LatheMesh.InsideFrom(profile);
            BuildTurned(parent, "lathe", LatheMesh.Create(profile, 0, inside), offset, material);
            if (inside < profile.Count - 1)
            {
                var colour = primitive.Get("insideColor");
                var paint = colour == null ? material : RoomMaterials.Solid(UnityFrame.Colour(colour));
                BuildTurned(parent, "lathe inside", LatheMesh.Create(profile, inside, profile.Count - 1), offset, paint);
            }
        }

        private static void BuildTurned(Transform parent, string name, Mesh mesh, Vector3 offset, Material material)
        {
            var turned = Child(parent, name);
            turned.AddComponent<MeshFilter>().sharedMesh = mesh;
            turned.AddComponent<MeshRenderer>().sharedMaterial = material;
            turned.transform.localPosition = UnityFrame.Point(offset.x, offset.y, offset.z);
        }

        private void BuildContactShadow(Transform parent, CatalogObject item)
        {
            var darkness = catalog.Document.Get("contactShadow");
            var shadow = Child(parent, "contact shadow");
            shadow.AddComponent<MeshFilter>().sharedMesh = FrustumMesh.Create(0.5f, 0.5f, 0.001f);
            shadow.AddComponent<MeshRenderer>().sharedMaterial = RoomMaterials.ContactShadow(darkness == null ? 1f : (float)darkness.Number);
            shadow.transform.localScale = new Vector3(1.15f * item.SizeX / 1000f, 1f, 1.15f * item.SizeZ / 1000f);
        }

        private static float Metres(WireValue primitive, string key)
        {
            var value = primitive.Get(key);
            return value == null ? 0f : (float)value.Number / 1000f;
        }

        private static GameObject Box(Transform parent, string name, float x, float y, float z, float sizeX, float sizeY, float sizeZ, Material material) =>
            Primitive(PrimitiveType.Cube, parent, name, new Vector3(x, y, z), new Vector3(sizeX, sizeY, sizeZ), material);

        // Middle and full sizes in millimetres of the world's frame.
        private static GameObject Primitive(PrimitiveType type, Transform parent, string name, Vector3 middle, Vector3 size, Material material)
        {
            var built = GameObject.CreatePrimitive(type);
            built.name = name;
            Object.DestroyImmediate(built.GetComponent<Collider>());
            built.transform.SetParent(parent, false);
            built.transform.localPosition = UnityFrame.Point(middle.x, middle.y, middle.z);
            built.transform.localScale = UnityFrame.Size(size.x, size.y, size.z);
            built.GetComponent<Renderer>().sharedMaterial = material;
            return built;
        }

        private static GameObject Child(Transform parent, string name)
        {
            var child = new GameObject(name);
            child.transform.SetParent(parent, false);
            return child;
        }
    }
}
