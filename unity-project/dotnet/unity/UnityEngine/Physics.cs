using System;
using System.Collections.Generic;
using System.Linq;
using UnityEngine.StandIn;

namespace UnityEngine
{
    public enum SimulationMode
    {
        FixedUpdate = 0,
        Script = 2,
    }

    public enum ForceMode
    {
        Acceleration = 5,
    }

    public class Collider : Component
    {
    }

    public class BoxCollider : Collider
    {
        private Vector3 middle;
        private Vector3 extent = Vector3.one;

        public Vector3 center { get => Read(middle); set => middle = Write(value); }

        public Vector3 size { get => Read(extent); set => extent = Write(value); }

        /// <summary>Its place in the physics engine, which learns of a moved transform only in SyncTransforms.</summary>
        internal SolidBox? Known { get; private set; }

        internal void Sync() => Known = Holder.activeInHierarchy
            ? new SolidBox(Holder.transform.TransformPoint(middle), Geometry.Scaled(extent, Holder.transform.localScale) / 2f, Holder.transform.rotation)
            : (SolidBox?)null;

        internal override void Switched() => Sync();
    }

    public class SphereCollider : Collider
    {
        private float reach = 0.5f;

        public float radius { get => Read(reach); set => reach = Write(value); }

        // ScriptReference SphereCollider.radius: scaled by the largest part of the transform's scale.
        internal float WorldRadius
        {
            get
            {
                var scale = Holder.transform.localScale;
                return reach * Math.Max(Math.Abs(scale.x), Math.Max(Math.Abs(scale.y), Math.Abs(scale.z)));
            }
        }
    }

    public sealed class Rigidbody : Component
    {
        private Vector3 speed = Vector3.zero;
        private Vector3 spin = Vector3.zero;
        private Vector3 pushed = Vector3.zero;

        public Vector3 velocity { get => Read(speed); set => speed = Write(value); }

        public Vector3 angularVelocity { get => Read(spin); set => spin = Write(value); }

        // ScriptReference Rigidbody.AddForce: it takes effect in the next simulation step, and not on an inactive object.
        public void AddForce(Vector3 force, ForceMode mode)
        {
            if (Write(mode) != ForceMode.Acceleration)
            {
                throw new NotSupportedException("the stand-in's bodies have no mass: it knows ForceMode.Acceleration alone");
            }
            pushed = Holder.activeInHierarchy ? pushed + force : pushed;
        }

        /// <summary>A ball under gravity, which slides on boxes without friction and does not bounce.</summary>
        internal void Simulate(float step)
        {
            var ball = Holder.GetComponent<SphereCollider>() ?? throw new NotSupportedException($"{Holder.name}: the stand-in simulates balls alone");
            speed += (Physics.Gravity + pushed) * step;
            pushed = Vector3.zero;
            var at = Holder.transform.position + (speed * step);
            var radius = ball.WorldRadius;
            foreach (var solid in Player.All<BoxCollider>().Where(one => one.Holder.activeInHierarchy && one.Known != null).Select(one => one.Known.Value))
            {
                var nearest = solid.Nearest(at);
                var away = at - nearest;
                var distance = Vector3.Distance(at, nearest);
                if (distance >= radius || distance == 0f)
                {
                    continue;
                }
                var normal = away / distance;
                at = nearest + (normal * radius);
                speed -= normal * Math.Min(0f, Geometry.Dot(speed, normal));
            }
            Holder.transform.MoveTo(at);
        }
    }

    public class Physics
    {
        // ScriptReference Physics.gravity: of a new project.
        internal static readonly Vector3 Gravity = new Vector3(0f, -9.81f, 0f);

        public static SimulationMode simulationMode { get => Player.Ask(mode); set => mode = Player.Ask(value); }

        private static SimulationMode mode;

        // ScriptReference Physics.SyncTransforms and autoSyncTransforms (off by default).
        public static void SyncTransforms()
        {
            foreach (var collider in Player.Ask(Player.All<BoxCollider>()))
            {
                collider.Sync();
            }
        }

        // ScriptReference Physics.Simulate and autoSyncTransforms: moved transforms are synchronized before the step.
        public static void Simulate(float step)
        {
            if (mode != SimulationMode.Script)
            {
                Debug.LogWarning("Physics.Simulate(...) was called but simulation mode is not set to Script.");
                return;
            }
            SyncTransforms();
            foreach (var body in Player.All<Rigidbody>().Where(body => body.Holder.activeInHierarchy).ToArray())
            {
                body.Simulate(step);
            }
        }

        // ScriptReference Physics.OverlapBox: colliders of active objects that touch or lie inside the box.
        public static Collider[] OverlapBox(Vector3 center, Vector3 halfExtents, Quaternion orientation)
        {
            var box = new SolidBox(center, halfExtents, orientation);
            return Player.Ask(Player.All<BoxCollider>()).Where(one => one.Holder.activeInHierarchy && one.Known is SolidBox known && known.Meets(box)).ToArray<Collider>();
        }

        internal static void Forget() => mode = SimulationMode.FixedUpdate;
    }
}

namespace UnityEngine.StandIn
{
    /// <summary>A box anywhere: two of them meet unless one of 15 axes lies between them (separating axes).</summary>
    internal readonly struct SolidBox
    {
        private readonly Vector3 centre;
        private readonly Vector3 half;
        private readonly Vector3[] axes;

        public SolidBox(Vector3 centre, Vector3 half, Quaternion rotation)
        {
            this.centre = centre;
            this.half = half;
            axes = new[] { rotation.Turn(new Vector3(1f, 0f, 0f)), rotation.Turn(Vector3.up), rotation.Turn(new Vector3(0f, 0f, 1f)) };
        }

        public bool Meets(SolidBox other)
        {
            var mine = this;
            return mine.Axes(other).All(axis => Math.Abs(Geometry.Dot(axis, other.centre - mine.centre)) <= mine.Reach(axis) + other.Reach(axis));
        }

        /// <summary>The point of it that is nearest to this one.</summary>
        public Vector3 Nearest(Vector3 point)
        {
            var way = point - centre;
            return centre + Along(axes[0], half.x, way) + Along(axes[1], half.y, way) + Along(axes[2], half.z, way);
        }

        private static Vector3 Along(Vector3 axis, float half, Vector3 way) => axis * Mathf.Clamp(Geometry.Dot(axis, way), -half, half);

        private IEnumerable<Vector3> Axes(SolidBox other)
        {
            var crossed = axes.SelectMany(_ => other.axes, Geometry.Cross).Where(axis => Geometry.Dot(axis, axis) > 1e-8f);
            return axes.Concat(other.axes).Concat(crossed);
        }

        private float Reach(Vector3 axis) => (half.x * Math.Abs(Geometry.Dot(axes[0], axis)))
            + (half.y * Math.Abs(Geometry.Dot(axes[1], axis))) + (half.z * Math.Abs(Geometry.Dot(axes[2], axis)));
    }
}
