using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using UnityEngine.StandIn;

namespace UnityEngine
{
    public class Object
    {
        private string title = "";

        public Object() => Player.Made(this);

        /// <summary>Whether its native half is gone; references to the managed one may remain.</summary>
        internal bool Gone { get; set; }

        /// <summary>Part of the engine: no leak.</summary>
        internal bool BuiltIn { get; set; }

        public string name
        {
            get => Read(title);
            set => title = Write(value);
        }

        // ScriptReference Object.Destroy: after the Update loop of this frame, before rendering; only while playing. Null is nothing.
        public static void Destroy(Object obj)
        {
            if (obj == null)
            {
                Player.Ask(true);
                return;
            }
            if (!Player.Ask(Player.Playing))
            {
                Debug.LogError("Destroy may not be called from edit mode! Use DestroyImmediate instead.");
                return;
            }
            Player.DestroyLater(obj);
        }

        public static void DestroyImmediate(Object obj)
        {
            if (Player.Ask(obj) != null)
            {
                obj.End();
            }
        }

        // Source Runtime/Export/Scripting/UnityEngineObject.bindings.cs, CompareBaseObjects: one that is destroyed equals null.
        public static bool operator ==(Object x, Object y) => IsNone(x) ? IsNone(y) : ReferenceEquals(x, y);
        public static bool operator !=(Object x, Object y) => !(x == y);

        internal static bool IsNone(Object obj) => obj is null || obj.Gone;

        internal virtual void End()
        {
            if (!Gone)
            {
                Released();
                Gone = true;
                Player.Ended(this);
            }
        }

        /// <summary>Called before the object goes.</summary>
        internal virtual void Released()
        {
        }

        /// <summary>Every native member goes through here: it must be called on the main thread, for an object that is not destroyed.</summary>
        internal T Read<T>(T value, [CallerMemberName] string member = "")
        {
            Player.Ask(value, member);
            // ScriptReference MissingReferenceException.
            return !Gone ? value : throw new MissingReferenceException($"The object of type '{GetType().Name}' has been destroyed but you are still trying to access it.");
        }

        internal T Write<T>(T value, [CallerMemberName] string member = "") => Read(value, member);
    }

    public class Component : Object
    {
        internal GameObject Holder { get; set; }

        public GameObject gameObject => Read(Holder);

        public Transform transform => Read(Holder).transform;

        /// <summary>It or its game object was activated or deactivated.</summary>
        internal virtual void Switched()
        {
        }

        internal override void End()
        {
            if (!Gone)
            {
                base.End();
                Holder.Parts.Remove(this);
            }
        }
    }

    public class Behaviour : Component
    {
        private bool wanted = true;

        public bool enabled
        {
            get => Read(wanted);
            set
            {
                wanted = Write(value);
                Switched();
            }
        }

        internal bool Runs => !Gone && wanted && Holder.activeInHierarchy;
    }

    // Manual "Order of execution for event functions"; messages themselves are in Player.Send.
    public class MonoBehaviour : Behaviour
    {
        private bool awake;
        private bool on;

        internal bool Started { get; set; }

        internal override void Switched()
        {
            if (!Player.Playing)
            {
                // ScriptReference ExecuteAlways: without it scripts sleep in edit mode.
                return;
            }
            if (!awake && Holder.activeInHierarchy)
            {
                awake = true;
                Player.Send(this, "Awake");
            }
            if (awake && Runs != on)
            {
                on = Runs;
                Player.Send(this, on ? "OnEnable" : "OnDisable");
            }
        }

        internal override void Released()
        {
            if (on)
            {
                on = false;
                Player.Send(this, "OnDisable");
            }
            if (awake)
            {
                // ScriptReference MonoBehaviour.OnDestroy: only on game objects that have been active.
                Player.Send(this, "OnDestroy");
            }
        }
    }

    public class ScriptableObject : Object
    {
        public static T CreateInstance<T>() where T : ScriptableObject => (T)Activator.CreateInstance(typeof(T), true);
    }

    public sealed class GameObject : Object
    {
        private bool active = true;

        public GameObject(string name)
        {
            this.name = name;
            Parts.Add(new Transform { Holder = this });
        }

        internal List<Component> Parts { get; } = new List<Component>();

        public Transform transform => (Transform)Read(Parts)[0];

        public bool activeInHierarchy
        {
            get
            {
                for (var at = this; ; at = ((Transform)at.Parts[0]).Parent.Holder)
                {
                    if (Read(at).active && at.Parts[0] is Transform { Parent: null })
                    {
                        return true;
                    }
                    if (!at.active)
                    {
                        return false;
                    }
                }
            }
        }

        // ScriptReference GameObject.AddComponent; MonoBehaviour.Awake: Awake and OnEnable run inside it where the object is active.
        public T AddComponent<T>() where T : Component
        {
            var made = Read(Player.Construct<T>());
            made.Holder = this;
            Parts.Add(made);
            made.Switched();
            return made;
        }

        public T GetComponent<T>()
        {
            foreach (var part in Read(Parts))
            {
                if (part is T found)
                {
                    return found;
                }
            }
            return default;
        }

        public T[] GetComponentsInChildren<T>(bool includeInactive)
        {
            var found = new List<T>();
            Read(transform).Visit(one =>
            {
                if (includeInactive || one.activeInHierarchy)
                {
                    foreach (var part in one.Parts)
                    {
                        if (part is T match)
                        {
                            found.Add(match);
                        }
                    }
                }
            });
            return found.ToArray();
        }

        public void SetActive(bool value)
        {
            if (Read(active) != value)
            {
                active = value;
                Switch();
            }
        }

        internal void Switch() => ((Transform)Parts[0]).Visit(one =>
        {
            foreach (var part in one.Parts.ToArray())
            {
                if (!part.Gone)
                {
                    part.Switched();
                }
            }
        });

        // Children first, then its own parts, the transform last, so code that runs meanwhile still finds its position.
        internal override void End()
        {
            if (Gone)
            {
                return;
            }
            var own = (Transform)Parts[0];
            foreach (var child in own.Children.ToArray())
            {
                child.Holder.End();
            }
            for (var at = Parts.Count - 1; at > 0; at--)
            {
                Parts[Math.Min(at, Parts.Count - 1)].End();
            }
            own.Parent?.Children.Remove(own);
            base.End();
            own.End();
        }
    }

    public class Transform : Component
    {
        private Vector3 place = Vector3.zero;
        private Quaternion turn = Quaternion.Identity;
        private Vector3 scale = Vector3.one;

        internal Transform()
        {
        }

        internal Transform Parent { get; private set; }

        internal List<Transform> Children { get; } = new List<Transform>();

        public Vector3 position
        {
            get => Read(Parent) is null ? place : Parent.World.Point(place);
            set => place = Write(Parent) is null ? value : throw new NotSupportedException("the stand-in moves a child by its localPosition alone");
        }

        public Quaternion rotation
        {
            get => Read(Parent) is null ? turn : Parent.rotation.Times(turn);
            set => turn = Write(Parent) is null ? value : Parent.rotation.Inverse.Times(value);
        }

        public Vector3 localPosition { get => Read(place); set => place = Write(value); }

        public Quaternion localRotation { get => Read(turn); set => turn = Write(value); }

        public Vector3 localScale { get => Read(scale); set => scale = Write(value); }

        internal Matrix World => Read(Parent) is null ? Own : Parent.World.Times(Own);

        private Matrix Own => Matrix.Of(place, turn, scale);

        // ScriptReference Transform.SetParent: without worldPositionStays the local values stay as they are.
        public void SetParent(Transform parent, bool worldPositionStays)
        {
            if (Write(worldPositionStays))
            {
                throw new NotSupportedException("the stand-in keeps local values when a parent changes");
            }
            var was = Holder.activeInHierarchy;
            Parent?.Children.Remove(this);
            Parent = IsNone(parent) ? null : parent;
            Parent?.Children.Add(this);
            if (was != Holder.activeInHierarchy)
            {
                Holder.Switch();
            }
        }

        /// <summary>To a place in the world, as the physics engine moves a body.</summary>
        internal void MoveTo(Vector3 world)
        {
            if (Parent is null)
            {
                place = world;
                return;
            }
            var way = Parent.rotation.Inverse.Turn(world - Parent.position);
            var size = Parent.scale;
            place = Parent.Parent is null ? new Vector3(way.x / size.x, way.y / size.y, way.z / size.z) : throw new NotSupportedException("the stand-in moves bodies one level below a root");
        }

        public Vector3 TransformPoint(Vector3 position) => World.Point(position);

        internal void Visit(Action<GameObject> action)
        {
            action(Holder);
            foreach (var child in Children.ToArray())
            {
                child.Visit(action);
            }
        }
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class SerializeField : Attribute
    {
    }

    [AttributeUsage(AttributeTargets.Field)]
    public class TooltipAttribute : PropertyAttribute
    {
        public TooltipAttribute(string tooltip)
        {
        }
    }

    [AttributeUsage(AttributeTargets.Field)]
    public abstract class PropertyAttribute : Attribute
    {
    }

    public sealed class AddComponentMenu : Attribute
    {
        public AddComponentMenu(string menuName)
        {
        }
    }

    [AttributeUsage(AttributeTargets.Class)]
    public class DefaultExecutionOrder : Attribute
    {
        public DefaultExecutionOrder(int order) => Order = order;

        internal int Order { get; }
    }

    public enum RuntimeInitializeLoadType
    {
        BeforeSceneLoad = 1,
    }

    [AttributeUsage(AttributeTargets.Method)]
    public class RuntimeInitializeOnLoadMethodAttribute : Attribute
    {
        public RuntimeInitializeOnLoadMethodAttribute(RuntimeInitializeLoadType loadType)
        {
        }
    }
}

namespace UnityEngine.Scripting
{
    [AttributeUsage(AttributeTargets.Assembly)]
    public class AlwaysLinkAssemblyAttribute : Attribute
    {
    }
}

namespace UnityEngine.StandIn
{
    internal sealed class MissingReferenceException : InvalidOperationException
    {
        public MissingReferenceException(string message)
            : base(message)
        {
        }
    }

    internal sealed class UnityException : InvalidOperationException
    {
        public UnityException(string message)
            : base(message)
        {
        }
    }
}
