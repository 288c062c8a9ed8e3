#nullable enable
using NUnit.Framework;
using Rls3.Gym.Core;
using Rls3.Gym.Engine;
using UnityEngine;

namespace Rls3.Gym.Tests.Editor
{
    public sealed class RoomBuilderTests
    {
        private GameObject area = null!;
        private RoomWorld world = null!;
        private RoomBuilder builder = null!;

        [SetUp]
        public void BuildARoom()
        {
            area = new GameObject("area");
            world = new RoomWorld(CatalogReader.Load(new GymSettings().CatalogFile()), 0);
            builder = new RoomBuilder(world.Catalog, area.transform, 64);
        }

        [TearDown]
        public void RemoveIt()
        {
            builder.Dispose();
            Object.DestroyImmediate(area);
        }

        [Test]
        public void ShowsEachObjectWhereTheStateHasIt()
        {
            world.Reset(7, null);
            builder.Show(world);
            for (var slot = 0; slot < world.Catalog.Rules.ActiveObjects; slot++)
            {
                var type = world.Objects[slot * PlacementRules.Fields];
                var collider = builder.ColliderOf(type);
                Assert.IsTrue(collider.gameObject.activeInHierarchy);
                var box = PlacementRules.BoxOf(world.Catalog, world.Objects, slot);
                var expected = UnityFrame.Point(box.X2 / 2f, box.Y, box.Z2 / 2f);
                Assert.Less(Vector3.Distance(expected, collider.transform.localPosition), 1e-4f);
            }
        }

        [Test]
        public void ThePhysicsEngineAgreesWithTheRulesOnValidStates()
        {
            for (var seed = 0; seed < 50; seed++)
            {
                world.Reset(seed, null);
                Assert.IsEmpty(PhysicsCheck.Disagreements(builder, world));
            }
        }
    }
}
