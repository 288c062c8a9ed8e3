/**
 * @file Training data of a head: placements with a target each. Their features are computed once, when they are added.
 */

import { at } from "../at.js";
import type { Random } from "../random/random.js";
import type { ColumnArrays, Schema } from "../replay/columns.js";
import {
  createReplay,
  type Replay,
  type ReplayKind,
  type ReplayOptions,
  type ReplayState,
  replayBytes,
} from "../replay/replay.js";
import { OBJECT_FIELDS } from "../rooms/index.js";
import type { AgentObservation, Transition } from "./agent.js";
import { ACTION_WIDTH, type AgentWorld } from "./agent-world.js";
import { featureWidth, writeFeatures } from "./features.js";

export interface MemoryOptions {
  readonly world: AgentWorld;
  readonly replay: ReplayKind;
  readonly capacity: number;
  /** "stored" also stores the next observation, for targets that bootstrap. */
  readonly next: "stored" | "dropped";
}

export interface PlacementSample {
  readonly indices: Int32Array;
  readonly features: Float32Array;
  readonly targets: Float32Array;
  readonly weights: Float32Array;
}

function replayOptions({ world, replay, capacity, next }: MemoryOptions): ReplayOptions {
  const objects = { type: "int32", width: OBJECT_FIELDS * world.activeObjects } as const;
  const scene = { type: "int32", width: 1 } as const;
  const schema: Schema = {
    scene,
    objects,
    action: { type: "float32", width: ACTION_WIDTH },
    target: { type: "float32", width: 1 },
    features: { type: "float32", width: featureWidth(world), derived: true },
    ...(next === "stored" ? { nextScene: scene, nextObjects: objects, terminated: { type: "uint8", width: 1 } } : {}),
  };
  return { kind: replay, capacity, schema };
}

export const memoryBytes = (options: MemoryOptions): number => replayBytes(replayOptions(options));

export class PlacementMemory {
  readonly #replay: Replay;

  constructor(private readonly options: MemoryOptions) {
    this.#replay = createReplay(replayOptions(options));
  }

  get size(): number {
    return this.#replay.size;
  }

  add(transitions: readonly Transition[], targets: ArrayLike<number>): void {
    const width = OBJECT_FIELDS * this.options.world.activeObjects;
    const count = transitions.length;
    const rows = {
      scene: new Int32Array(count),
      objects: new Int32Array(count * width),
      action: new Float32Array(count * ACTION_WIDTH),
      target: Float32Array.from(targets),
      nextScene: new Int32Array(count),
      nextObjects: new Int32Array(count * width),
      terminated: new Uint8Array(count),
    } satisfies ColumnArrays;
    transitions.forEach(({ observation, action, next, terminated }, i) => {
      rows.scene[i] = observation.scene;
      rows.objects.set(observation.objects, i * width);
      rows.action.set(action, i * ACTION_WIDTH);
      rows.nextScene[i] = next.scene;
      rows.nextObjects.set(next.objects, i * width);
      rows.terminated[i] = terminated ? 1 : 0;
    });
    // If more rows come than fit, only the last stay, and each index is computed for its final row.
    for (const index of new Set(this.#replay.add(rows, count))) this.#computeFeatures(index);
  }

  /** Drops the oldest rows. */
  forget(count: number): void {
    this.#replay.forget(count);
  }

  sample(count: number, random: Random, correction: number): PlacementSample {
    const { indices, weights, columns } = this.#replay.sample(count, random, correction, ["features", "target"]);
    return {
      indices,
      weights,
      features: columns["features"] as Float32Array,
      targets: columns["target"] as Float32Array,
    };
  }

  update(indices: Int32Array, errors: ArrayLike<number>): void {
    this.#replay.update(indices, errors);
  }

  /** The observation after the i-th oldest placement, and whether that ended the episode. */
  nextOf(age: number): { readonly observation: AgentObservation; readonly terminated: boolean } {
    const index = this.#replay.indexOf(age);
    const scene = at(this.#replay.row("nextScene", index), 0);
    const objects = this.#replay.row("nextObjects", index) as Int32Array;
    const terminated = this.#replay.row("terminated", index)[0] === 1;
    return { observation: { scene, objects, progress: 0 }, terminated };
  }

  setTarget(age: number, target: number): void {
    this.#replay.row("target", this.#replay.indexOf(age))[0] = target;
  }

  state(): ReplayState {
    return this.#replay.state();
  }

  restore(state: ReplayState): void {
    this.#replay.restore(state);
    for (let age = 0; age < this.#replay.size; age++) this.#computeFeatures(this.#replay.indexOf(age));
  }

  #computeFeatures(index: number): void {
    const scene = at(this.#replay.row("scene", index), 0);
    const objects = this.#replay.row("objects", index) as Int32Array;
    const action = this.#replay.row("action", index) as Float32Array;
    const features = this.#replay.row("features", index) as Float32Array;
    writeFeatures(this.options.world, { scene, objects, progress: 0 }, action, 0, 1, features, 0);
  }
}
