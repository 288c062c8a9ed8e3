#nullable enable
using System;

namespace Rls3.Gym.Core
{
    /// <summary>One room: its state, and what a reset and a step do to it. Allocates nothing after it was made.</summary>
    public sealed class RoomWorld
    {
        // Placements tried before the types are drawn anew, and draws before the scene is given up: a catalog's mistake, not bad luck.
        private const int PlacementsPerDraw = 60;
        private const int DrawsAtMost = 1000;

        private readonly int[] objects;
        private readonly int[] trial;
        private readonly int[] seen;
        private readonly int[] trialSeen;
        private readonly int[] order;
        private Xoshiro128 random;

        public RoomWorld(Catalog catalog, int index)
        {
            Catalog = catalog;
            Scene = catalog.Scenes[0];
            random = new Xoshiro128(index);
            var active = catalog.Rules.ActiveObjects;
            objects = new int[active * PlacementRules.Fields];
            trial = new int[objects.Length];
            seen = new int[active];
            trialSeen = new int[active];
            order = new int[catalog.Objects.Count];
        }

        public Catalog Catalog { get; }

        public Scene Scene { get; private set; }

        /// <summary>Five integers for each slot: index in the catalog, x, y, z (mm), yaw step.</summary>
        public ReadOnlySpan<int> Objects => objects;

        /// <summary>Points seen of each object, of 64.</summary>
        public ReadOnlySpan<int> Seen => seen;

        /// <summary>Points that would be seen after the last step's placement, where that would hide an object; else <see cref="Seen"/>.</summary>
        public ReadOnlySpan<int> SeenOfLastStep => LastStep.Reason == Reason.Hidden ? trialSeen : seen;

        public Placement LastPlacement { get; private set; }

        public Resting LastStep { get; private set; }

        public ulong Hash => StateHash.Compute(Scene.Index, objects);

        /// <summary>Draws a layout: scene, types, then positions by rejection under the rules of placement, in a fixed order of draws.</summary>
        /// <param name="seed">Null draws on.</param>
        /// <param name="scene">Null takes the one drawn; the draw is made either way.</param>
        /// <exception cref="InvalidOperationException">No valid layout was found.</exception>
        public void Reset(long? seed, Scene? scene)
        {
            if (seed.HasValue)
            {
                random = new Xoshiro128(seed.Value);
            }
            var drawn = random.Below(Catalog.Scenes.Count);
            Scene = scene ?? Catalog.Scenes[drawn];
            LastStep = default;
            for (var draw = 0; draw < DrawsAtMost; draw++)
            {
                if (DrawObjects() && AllSeen(trial))
                {
                    Accept();
                    return;
                }
            }
            throw new InvalidOperationException($"no valid layout of {Catalog.Rules.ActiveObjects} objects was found in scene \"{Scene.Name}\" of catalog "
                + $"{Catalog.Name} in {DrawsAtMost} draws: give it more free space, smaller objects or a camera that sees more of it");
        }

        /// <summary>Takes a recorded state as it is.</summary>
        /// <exception cref="ArgumentException">It names an object that the catalog lacks, or has another number of slots.</exception>
        public void Restore(Scene scene, ReadOnlySpan<int> recorded)
        {
            if (recorded.Length != objects.Length)
            {
                throw new ArgumentException($"a state has {Catalog.Rules.ActiveObjects} objects");
            }
            for (var at = 0; at < recorded.Length; at += PlacementRules.Fields)
            {
                if (recorded[at] < 0 || recorded[at] >= Catalog.Objects.Count || recorded[at + 4] < 0 || recorded[at + 4] >= Catalog.Rules.YawSteps)
                {
                    throw new ArgumentException($"the catalog {Catalog.Name} has no object {recorded[at]} at yaw step {recorded[at + 4]}");
                }
            }
            Scene = scene;
            LastStep = default;
            recorded.CopyTo(objects);
            Visibility.SeenPoints(Catalog, Scene, objects, seen);
        }

        /// <summary>Tests a placement by all rules. An invalid one leaves the state as it was.</summary>
        /// <param name="action">Six elements of [−1, 1].</param>
        public Resting Step(ReadOnlySpan<float> action)
        {
            var placement = ActionDecoder.Decode(Catalog, objects, action);
            LastPlacement = placement;
            LastStep = Place(placement);
            return LastStep;
        }

        private Resting Place(in Placement placement)
        {
            var resting = PlacementRules.Rest(Catalog, Scene, objects, placement);
            if (!resting.Valid)
            {
                return resting;
            }
            Array.Copy(objects, trial, objects.Length);
            PlacementRules.Write(trial, placement, resting.Y);
            if (!AllSeen(trial))
            {
                return new Resting(Reason.Hidden, Obstacle.Object, FirstHidden(), resting.Y);
            }
            Accept();
            return resting;
        }

        private void Accept()
        {
            Array.Copy(trial, objects, objects.Length);
            Array.Copy(trialSeen, seen, seen.Length);
        }

        private bool AllSeen(ReadOnlySpan<int> candidates)
        {
            Visibility.SeenPoints(Catalog, Scene, candidates, trialSeen);
            return FirstHidden() < 0;
        }

        private int FirstHidden()
        {
            for (var slot = 0; slot < trialSeen.Length; slot++)
            {
                if (Visibility.IsHidden(Catalog, trialSeen[slot]))
                {
                    return slot;
                }
            }
            return -1;
        }

        private bool DrawObjects()
        {
            var rules = Catalog.Rules;
            random.Permute(order);
            var placed = 0;
            for (var attempt = 0; attempt < PlacementsPerDraw; attempt++)
            {
                var x = Within(rules.X);
                var z = Within(rules.Z);
                var drop = Within(rules.Drop);
                var yaw = random.Below(rules.YawSteps);
                var placement = new Placement(placed, order[placed], x, z, drop, yaw);
                var resting = PlacementRules.Rest(Catalog, Scene, trial.AsSpan(0, placed * PlacementRules.Fields), placement);
                if (!resting.Valid)
                {
                    continue;
                }
                PlacementRules.Write(trial, placement, resting.Y);
                placed++;
                if (placed == rules.ActiveObjects)
                {
                    return true;
                }
            }
            return false;
        }

        private int Within(IntRange range) => range.Low + random.Below(range.High - range.Low + 1);

        /// <summary>Scene one-hot; for each slot type one-hot and x, y, z, yaw over [−1, 1]; share of the episode done.</summary>
        public void WriteState(Span<float> state, double episodeProgress)
        {
            var types = Catalog.Objects.Count;
            var yawSteps = Catalog.Rules.YawSteps;
            state.Clear();
            state[Scene.Index] = 1;
            var at = Catalog.Scenes.Count;
            for (var from = 0; from < objects.Length; from += PlacementRules.Fields)
            {
                state[at + objects[from]] = 1;
                at += types;
                state[at] = (float)(2.0 * objects[from + 1] / Scene.SizeX);
                state[at + 1] = (float)((2.0 * objects[from + 2] / Scene.SizeY) - 1);
                state[at + 2] = (float)(2.0 * objects[from + 3] / Scene.SizeZ);
                state[at + 3] = yawSteps == 1 ? 0 : (float)((2.0 * objects[from + 4] / (yawSteps - 1)) - 1);
                at += 4;
            }
            state[at] = (float)episodeProgress;
        }

        public int StateElements => Catalog.Scenes.Count + (Catalog.Rules.ActiveObjects * (Catalog.Objects.Count + 4)) + 1;
    }
}
