#nullable enable
using System.Collections;
using NUnit.Framework;
using Rls3.Gym.Core;
using Rls3.Gym.Engine;
using UnityEngine;
using UnityEngine.TestTools;

namespace Rls3.Gym.Tests.Runtime
{
    public sealed class GymServerTests
    {
        [UnityTest]
        public IEnumerator StartsWaitsForAClientAndLeavesItsPortFreeTimeAndAgain()
        {
            for (var cycle = 0; cycle < 3; cycle++)
            {
                var holder = new GameObject("server");
                holder.AddComponent<GymServerBehaviour>();
                yield return null;
                Assert.IsNotNull(GymServerBehaviour.Current);
                Assert.AreEqual(GymPhase.WaitingForClient, GymServerBehaviour.Current!.Phase, GymServerBehaviour.Current.LastError);
                Object.Destroy(holder);
                yield return null;
                Assert.IsNull(GymServerBehaviour.Current);
            }
        }

        [UnityTest]
        public IEnumerator APictureShowsTheStateItWasAskedFor()
        {
            if (GymServerBehaviour.GraphicsDevice == null)
            {
                Assert.Ignore("no graphics device: the server says NO_GRAPHICS");
            }
            var catalog = CatalogReader.Load(new GymSettings().CatalogFile());
            var world = new RoomWorld(catalog, 0);
            var room = new GymRoom(catalog, 64, GymServerBehaviour.PrepareCamera, false);
            var area = new GymArea(room, 64, catalog.Rules.ActiveObjects);
            area.Attach(world);
            world.Reset(3, null);
            area.Begin();
            area.RenderImage();
            area.RenderSegmentation(true);
            area.Finish();
            var pixels = new byte[2 * 4 * catalog.Rules.ActiveObjects];
            area.Observe("pixels", world, new TensorSpan(pixels));
            AssertVisible(pixels);
            area.Dispose();
            room.Dispose();
            yield return null;
        }

        private static void AssertVisible(byte[] pixels)
        {
            var counts = new TensorSpan(pixels).Int32;
            for (var slot = 0; 2 * slot < counts.Length; slot++)
            {
                Assert.Greater(counts[(2 * slot) + 1], 0, $"object {slot} is in no picture");
                Assert.LessOrEqual(counts[2 * slot], counts[(2 * slot) + 1]);
            }
        }
    }
}
