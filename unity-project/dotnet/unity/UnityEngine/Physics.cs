namespace UnityEngine
{
    public enum SimulationMode
    {
        Script = 2,
    }

    public class Collider : Component
    {
    }

    public class BoxCollider : Collider
    {
        public Vector3 center { get => throw null; set => throw null; }
        public Vector3 size { get => throw null; set => throw null; }
    }

    public class Physics
    {
        public static SimulationMode simulationMode { get => throw null; set => throw null; }
        public static void SyncTransforms() => throw null;
        public static Collider[] OverlapBox(Vector3 center, Vector3 halfExtents, Quaternion orientation) => throw null;
    }
}
