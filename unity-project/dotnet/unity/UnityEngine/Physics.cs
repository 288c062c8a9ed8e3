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

    public class Collider : Component
    {
    }

    public class BoxCollider : Collider
    {
        private Vector3 middle;
        private Vector3 extent = Vector3.one;

        public Vector3 center { get => Read(middle); set => middle = Write(value); }

        public Vector3 size { get => Read(extent); set => extent = Write(value); }

        /// <summary>Where the physics engine has it; it hears of a transform that moved in SyncTransforms alone.</summary>
        internal SolidBox? Known { get; private set; }

        internal void Sync() => Known = Holder.activeInHierarchy
            ? new SolidBox(Holder.transform.TransformPoint(middle), Geometry.Scaled(extent, Holder.transform.localScale) / 2f, Holder.transform.rotation)
            : (SolidBox?)null;

        internal override void Switched() => Sync();
    }

    public class Physics
    {
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

        private IEnumerable<Vector3> Axes(SolidBox other)
        {
            var crossed = axes.SelectMany(_ => other.axes, Geometry.Cross).Where(axis => Geometry.Dot(axis, axis) > 1e-8f);
            return axes.Concat(other.axes).Concat(crossed);
        }

        private float Reach(Vector3 axis) => (half.x * Math.Abs(Geometry.Dot(axes[0], axis)))
            + (half.y * Math.Abs(Geometry.Dot(axes[1], axis))) + (half.z * Math.Abs(Geometry.Dot(axes[2], axis)));
    }
}
