#nullable enable
using System;
using System.Collections.Generic;

namespace Rls3.Gym.Core
{
    /// <summary>Draws what a room looks like; a server without one has no image observations.</summary>
    public interface IRoomRenderer
    {
        /// <summary>Whether the observation is one that this renderer makes.</summary>
        bool Draws(string uid);

        /// <summary>Sets the world to show; called before anything else.</summary>
        void Attach(RoomWorld world);

        void Observe(string uid, RoomWorld world, TensorSpan output);
    }

    /// <summary>A catalog's rooms as an environment: the same observations, info and hash as the trainer's own.</summary>
    public sealed class RoomsEnvironment : IEnvironment, IResetOptions
    {
        private readonly RoomWorld world;
        private readonly IRoomRenderer? renderer;
        private double episodeProgress;
        private bool stepped;

        private RoomsEnvironment(Catalog catalog, int index, IRoomRenderer? renderer)
        {
            world = new RoomWorld(catalog, index);
            this.renderer = renderer;
            renderer?.Attach(world);
        }

        public RoomWorld World => world;

        public ulong StateHash => world.Hash;

        /// <param name="catalog">The world.</param>
        /// <param name="images">Image observations that the server's renderer makes; empty for one without.</param>
        /// <param name="renderer">Makes the renderer of an environment; null if there is none.</param>
        public static EnvironmentDefinition Define(Catalog catalog, IReadOnlyList<TensorSpec> images, Func<int, IRoomRenderer?> renderer)
        {
            var observations = new List<TensorSpec>(StateSpecs(catalog));
            observations.AddRange(images);
            var action = new TensorSpec("action", DType.Float32, new[] { ActionDecoder.Elements }, new[] { -1.0 }, new[] { 1.0 }, ActionDecoder.Names);
            return new EnvironmentDefinition(catalog.Name, action, observations, index => new RoomsEnvironment(catalog, index, renderer(index)))
            {
                Parameters = new[]
                {
                    ParameterSpec.Float("episodeProgress", 0, 1, 0, "share of the episode that is done, as the client counts it: the last element of the state"),
                },
                Catalog = catalog.Document,
                ClaimsStateHash = true,
            };
        }

        /// <summary>The image observations of a side in pixels.</summary>
        public static IReadOnlyList<TensorSpec> ImageSpecs(Catalog catalog, int imageSize)
        {
            var active = catalog.Rules.ActiveObjects;
            return new[]
            {
                new TensorSpec("image", DType.UInt8, new[] { imageSize, imageSize, 3 }, new[] { 0.0 }, new[] { 255.0 }, null, true),
                new TensorSpec("segmentation", DType.UInt8, new[] { imageSize, imageSize }, new[] { 0.0 }, new[] { (double)active }, null, true),
                new TensorSpec("pixels", DType.Int32, new[] { active, 2 }, new[] { 0.0 }, new[] { (double)imageSize * imageSize }, null, true),
            };
        }

        private static IEnumerable<TensorSpec> StateSpecs(Catalog catalog)
        {
            var active = catalog.Rules.ActiveObjects;
            double width = 0;
            double height = 0;
            double length = 0;
            foreach (var scene in catalog.Scenes)
            {
                width = Math.Max(width, (scene.SizeX + 1) / 2);
                height = Math.Max(height, scene.SizeY);
                length = Math.Max(length, (scene.SizeZ + 1) / 2);
            }
            var low = new double[active * PlacementRules.Fields];
            var high = new double[low.Length];
            for (var at = 0; at < low.Length; at += PlacementRules.Fields)
            {
                low[at + 1] = -width;
                low[at + 3] = -length;
                high[at] = catalog.Objects.Count - 1;
                high[at + 1] = width;
                high[at + 2] = height;
                high[at + 3] = length;
                high[at + 4] = catalog.Rules.YawSteps - 1;
            }
            var elements = catalog.Scenes.Count + (active * (catalog.Objects.Count + 4)) + 1;
            yield return new TensorSpec("state", DType.Float32, new[] { elements }, new[] { -1.0 }, new[] { 1.0 });
            yield return new TensorSpec("objects", DType.Int32, new[] { active, PlacementRules.Fields }, low, high);
            yield return new TensorSpec("scene", DType.Int32, new[] { 1 }, new[] { 0.0 }, new[] { catalog.Scenes.Count - 1.0 });
        }

        public void Reset(long? seed, WireValue options)
        {
            var asked = options.Get("scene");
            var scene = asked == null || asked.IsNil ? null : SceneOf(asked) ?? throw new ArgumentException(OptionsProblem(options));
            stepped = false;
            world.Reset(seed, scene);
        }

        public string? OptionsProblem(WireValue options)
        {
            var asked = options.Get("scene");
            return asked == null || asked.IsNil || SceneOf(asked) != null
                ? null
                : $"options.scene names no scene of catalog {world.Catalog.Name}, which has {world.Catalog.Scenes.Count}, counted from 0";
        }

        public StepOutcome Step(TensorSpan action)
        {
            stepped = true;
            return new StepOutcome(world.Step(action.Float32).Valid ? 1 : -1, false, false);
        }

        public void Observe(string uid, TensorSpan output)
        {
            switch (uid)
            {
                case "state":
                    world.WriteState(output.Float32, episodeProgress);
                    break;
                case "objects":
                    world.Objects.CopyTo(output.Int32);
                    break;
                case "scene":
                    output.Int32[0] = world.Scene.Index;
                    break;
                default:
                    if (renderer == null || !renderer.Draws(uid))
                    {
                        throw new ArgumentException($"the rooms have no observation \"{uid}\" here");
                    }
                    renderer.Observe(uid, world, output);
                    break;
            }
        }

        public void Configure(string name, WireValue value)
        {
            if (name == "episodeProgress")
            {
                episodeProgress = value.Number;
            }
        }

        public void WriteInfo(IWireWriter writer)
        {
            writer.BeginMap();
            if (!stepped)
            {
                writer.Key("scene");
                writer.Value(world.Scene.Index);
                WriteSeen(writer, world.Seen);
                writer.EndMap();
                return;
            }
            var outcome = world.LastStep;
            writer.Key("valid");
            writer.Value(outcome.Valid);
            writer.Key("reason");
            writer.Value((int)outcome.Reason);
            writer.Key("reasonName");
            writer.Value(Resting.NameOf(outcome.Reason));
            writer.Key("with");
            WriteObstacle(writer, outcome);
            writer.Key("slot");
            writer.Value(world.LastPlacement.Slot);
            WriteSeen(writer, world.SeenOfLastStep);
            writer.EndMap();
        }

        public void Dispose()
        {
            (renderer as IDisposable)?.Dispose();
        }

        private static void WriteSeen(IWireWriter writer, ReadOnlySpan<int> seen)
        {
            writer.Key("seen");
            writer.BeginArray();
            foreach (var points in seen)
            {
                writer.Value((double)points / Visibility.LatticePoints);
            }
            writer.EndArray();
        }

        private void WriteObstacle(IWireWriter writer, in Resting outcome)
        {
            if (outcome.Kind == Obstacle.None)
            {
                writer.Nil();
                return;
            }
            var furniture = outcome.Kind == Obstacle.Furniture;
            writer.BeginMap();
            writer.Key("kind");
            writer.Value(furniture ? "furniture" : "object");
            writer.Key("index");
            writer.Value(outcome.With);
            writer.Key("name");
            writer.Value(furniture ? world.Scene.Furniture[outcome.With].Name : ObjectIn(outcome));
            writer.EndMap();
        }

        private string ObjectIn(in Resting outcome)
        {
            // If the placed object would itself be hidden, info names the incoming object, which is not in the state.
            var incoming = outcome.Reason == Reason.Hidden && outcome.With == world.LastPlacement.Slot;
            var type = incoming ? world.LastPlacement.Type : world.Objects[outcome.With * PlacementRules.Fields];
            return world.Catalog.Objects[type].Name;
        }

        private Scene? SceneOf(WireValue asked)
        {
            foreach (var scene in world.Catalog.Scenes)
            {
                if ((asked.IsInteger(out var index) && index == scene.Index) || (asked.Kind == WireValue.Kinds.String && asked.Text == scene.Name))
                {
                    return scene;
                }
            }
            return null;
        }
    }
}
