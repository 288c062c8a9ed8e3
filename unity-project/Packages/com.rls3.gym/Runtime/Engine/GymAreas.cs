#nullable enable
using System;
using System.Collections.Generic;
using Rls3.Gym.Core;
using UnityEngine;

namespace Rls3.Gym.Engine
{
    /// <summary>All areas of a server and their room: pictures are rendered one after another, and waited for once.</summary>
    public sealed class GymAreas : IDisposable
    {
        private readonly SortedDictionary<int, GymArea> areas = new SortedDictionary<int, GymArea>();
        private readonly Dictionary<GymArea, ulong> seen = new Dictionary<GymArea, ulong>();
        private GymRoom? room;

        /// <summary>An environment's area; null before it was made, and after a crash until the next reset makes another.</summary>
        public GymArea? Of(int env) => areas.TryGetValue(env, out var area) && !area.Disposed ? area : null;

        /// <summary>A new area for an environment. One that is made anew after a crash takes the place of the old one.</summary>
        /// <param name="env">The environment's index.</param>
        /// <param name="catalog">The world, the same for all.</param>
        /// <param name="imageSize">Side of pictures in pixels.</param>
        /// <param name="prepareCamera">How a render pipeline prepares each camera; null if it does nothing.</param>
        public GymArea Add(int env, Catalog catalog, int imageSize, Action<Camera>? prepareCamera)
        {
            // Without a window there are no spectators.
            room ??= new GymRoom(catalog, imageSize, prepareCamera, !Application.isBatchMode);
            if (areas.TryGetValue(env, out var old))
            {
                old.Dispose();
                seen.Remove(old);
            }
            return areas[env] = new GymArea(room, imageSize, catalog.Rules.ActiveObjects);
        }

        /// <summary>Called before the observations of a batch.</summary>
        public void Render(IReadOnlyList<int> envs, IReadOnlyList<TensorSpec> want)
        {
            var image = false;
            var segmentation = false;
            var pixels = false;
            for (var i = 0; i < want.Count; i++)
            {
                image |= want[i].Uid == "image";
                segmentation |= want[i].Uid == "segmentation";
                pixels |= want[i].Uid == "pixels";
            }
            if (!image && !segmentation && !pixels)
            {
                return;
            }
            Each(envs, area => area.Begin());
            if (image)
            {
                Each(envs, area => area.RenderImage());
            }
            if (segmentation || pixels)
            {
                Each(envs, area => area.RenderSegmentation(pixels));
            }
            Each(envs, area => area.Finish());
        }

        /// <summary>Shows people the environment that moved last, whether pictures are wanted of it or not. Called once a frame.</summary>
        public void Watch()
        {
            if (room == null || !room.Watched)
            {
                return;
            }
            RoomWorld? moved = null;
            foreach (var area in areas.Values)
            {
                if (area.World is RoomWorld world && (!seen.TryGetValue(area, out var hash) || hash != world.Hash))
                {
                    seen[area] = world.Hash;
                    // If several moved, it stays with the one already shown: a view that jumps between rooms shows none.
                    moved = moved == null || world == room.Shown ? world : moved;
                }
            }
            if (moved != null)
            {
                room.Show(moved);
            }
        }

        public void Dispose()
        {
            foreach (var area in areas.Values)
            {
                area.Dispose();
            }
            areas.Clear();
            seen.Clear();
            room?.Dispose();
            room = null;
        }

        // An area's failure is the error of its own environment; the others' pictures are still taken.
        private void Each(IReadOnlyList<int> envs, Action<GymArea> action)
        {
            for (var i = 0; i < envs.Count; i++)
            {
                if (!areas.TryGetValue(envs[i], out var area))
                {
                    continue;
                }
                try
                {
                    action(area);
                }
                catch (Exception error)
                {
                    area.Fail(error);
                }
            }
        }
    }
}
