/** @file The embedded environment: a catalog's scenes and objects behind the protocol's interface. */
import type {
  Environment,
  EnvironmentDefinition,
  StepOutcome,
  WireMap,
  WireValue,
} from "../../protocol/environment.js";
import type { TensorData, TensorSpec } from "../../protocol/spaces.js";
import { at } from "../at.js";
import { InputError } from "../errors.js";
import { Random } from "../random/random.js";
import { ACTION_SPEC, decodeAction } from "./action.js";
import type { Catalog, Scene } from "./catalog.js";
import { drawLayout } from "./layout.js";
import { activeTypes, OBJECT_FIELDS, type Objects } from "./objects.js";
import { type Placement, type PlacementOutcome, place, REASON, REASONS } from "./placement.js";
import { type Picture, render } from "./render/render.js";
import { stateHash } from "./state-hash.js";
import { LATTICE_POINTS } from "./visibility.js";

/** Options of the embedded environment. */
export interface RoomsOptions {
  /** Side of `image` and `segmentation` in pixels, 32 to 512. */
  readonly imageSize?: number;
}

/** Default side of images, in pixels. */
export const DEFAULT_IMAGE_SIZE = 64;

/**
 * The environment that serves a catalog's world.
 * @throws InputError for an image size that cannot be drawn
 */
export function roomsDefinition(catalog: Catalog, options: RoomsOptions = {}): EnvironmentDefinition {
  const imageSize = options.imageSize ?? DEFAULT_IMAGE_SIZE;
  if (!Number.isInteger(imageSize) || imageSize < 32 || imageSize > 512) {
    throw new InputError(`the image size is a whole number from 32 to 512, not ${imageSize}`);
  }
  return {
    name: catalog.name,
    action: ACTION_SPEC,
    observations: observationSpecs(catalog, imageSize),
    parameters: [
      {
        name: "episodeProgress",
        type: "float",
        low: 0,
        high: 1,
        default: 0,
        description: "share of the episode that is done, as the client counts it: the last element of the state",
      },
    ],
    graphics: "software rasteriser",
    catalog: catalog.document as unknown as WireMap,
    create: (index) => new RoomsEnvironment(catalog, imageSize, index),
  };
}

function observationSpecs(catalog: Catalog, imageSize: number): TensorSpec[] {
  const { activeObjects, yawSteps } = catalog.rules;
  const types = catalog.objects.length;
  const width = Math.max(...catalog.scenes.map(({ sizeX }) => Math.ceil(sizeX / 2)));
  const height = Math.max(...catalog.scenes.map(({ sizeY }) => sizeY));
  const length = Math.max(...catalog.scenes.map(({ sizeZ }) => Math.ceil(sizeZ / 2)));
  const repeat = (row: readonly number[]): number[] => Array.from({ length: activeObjects }, () => row).flat();
  return [
    {
      uid: "state",
      dtype: "float32",
      shape: [catalog.scenes.length + activeObjects * (types + 4) + 1],
      low: -1,
      high: 1,
    },
    {
      uid: "objects",
      dtype: "int32",
      shape: [activeObjects, OBJECT_FIELDS],
      low: repeat([0, -width, 0, -length, 0]),
      high: repeat([types - 1, width, height, length, yawSteps - 1]),
    },
    { uid: "scene", dtype: "int32", shape: [1], low: 0, high: catalog.scenes.length - 1 },
    { uid: "image", dtype: "uint8", shape: [imageSize, imageSize, 3], low: 0, high: 255, graphics: true },
    { uid: "segmentation", dtype: "uint8", shape: [imageSize, imageSize], low: 0, high: activeObjects, graphics: true },
    // Visible pixels of each object, and the pixels it would have with nothing in front of it.
    { uid: "pixels", dtype: "int32", shape: [activeObjects, 2], low: 0, high: imageSize * imageSize, graphics: true },
  ];
}

class RoomsEnvironment implements Environment {
  private random: Random;
  private scene: Scene;
  private objects: Objects;
  private seen: readonly number[] = [];
  private episodeProgress = 0;
  private picture: Picture | undefined;

  constructor(
    private readonly catalog: Catalog,
    private readonly imageSize: number,
    index: number,
  ) {
    this.random = new Random(index);
    this.scene = sceneOf(catalog, 0);
    this.objects = new Int32Array(catalog.rules.activeObjects * OBJECT_FIELDS);
  }

  /**
   * Options: `scene`, an index or a name.
   * @throws InputError for a scene that the catalog lacks
   */
  reset(seed: number | undefined, options: WireMap): WireMap {
    const requested = options["scene"];
    const chosen = requested === undefined || requested === null ? undefined : requestedScene(this.catalog, requested);
    if (seed !== undefined) this.random = new Random(seed);
    const drawn = this.random.below(this.catalog.scenes.length);
    this.scene = chosen ?? sceneOf(this.catalog, drawn);
    const { objects, seen } = drawLayout(this.catalog, this.scene, this.random);
    this.objects = objects;
    this.seen = seen;
    this.picture = undefined;
    return { scene: this.scene.index, seen: this.shares(seen) };
  }

  optionsProblem({ scene }: WireMap): string | undefined {
    try {
      if (scene !== undefined && scene !== null) requestedScene(this.catalog, scene);
      return undefined;
    } catch (error) {
      if (error instanceof InputError) return error.message;
      throw error;
    }
  }

  step(action: TensorData): StepOutcome {
    const placement = decodeAction(this.catalog, activeTypes(this.objects), action);
    const outcome = place(this.catalog, this.scene, this.objects, placement);
    if (outcome.valid) {
      this.objects = outcome.objects;
      this.seen = outcome.seen ?? this.seen;
      this.picture = undefined;
    }
    return {
      reward: outcome.valid ? 1 : -1,
      terminated: false,
      truncated: false,
      info: {
        valid: outcome.valid,
        reason: outcome.reason,
        reasonName: REASONS[outcome.reason],
        with: this.standsInTheWay(outcome, placement),
        slot: placement.slot,
        // For a placement that would hide an object: the shares seen after it.
        seen: this.shares(outcome.seen ?? this.seen),
      },
    };
  }

  observe(uid: string, out: TensorData): void {
    switch (uid) {
      case "state":
        writeState(this.catalog, this.scene, this.objects, this.episodeProgress, out);
        return;
      case "objects":
        out.set(this.objects);
        return;
      case "scene":
        out[0] = this.scene.index;
        return;
      case "image":
        out.set(this.draw().image);
        return;
      case "segmentation":
        out.set(this.draw().segmentation);
        return;
      case "pixels": {
        const { visiblePixels, totalPixels } = this.draw();
        for (const [slot, visible] of visiblePixels.entries()) {
          out[2 * slot] = visible;
          out[2 * slot + 1] = at(totalPixels, slot);
        }
        return;
      }
      default:
        throw new RangeError(`the rooms have no observation "${uid}"`);
    }
  }

  stateHash(): string {
    return stateHash(this.scene.index, this.objects);
  }

  configure(name: string, value: number | string | boolean): void {
    if (name === "episodeProgress" && typeof value === "number") this.episodeProgress = value;
  }

  private draw(): Picture {
    this.picture ??= render(this.catalog, this.scene.index, this.objects, this.imageSize);
    return this.picture;
  }

  private shares(seen: readonly number[]): number[] {
    return seen.map((points) => points / LATTICE_POINTS);
  }

  private standsInTheWay(outcome: PlacementOutcome, placement: Placement): WireValue {
    if (outcome.withKind === "none") return null;
    const { withKind: kind, with: index } = outcome;
    if (kind === "furniture") return { kind, index, name: at(this.scene.furniture, index).name };
    const incoming = outcome.reason === REASON.hidden && index === placement.slot;
    const type = incoming ? placement.type : at(this.objects, index * OBJECT_FIELDS);
    return { kind, index, name: at(this.catalog.objects, type).name };
  }
}

function sceneOf(catalog: Catalog, index: number): Scene {
  const scene = catalog.scenes[index];
  if (scene === undefined) throw new RangeError(`catalog ${catalog.name} has no scene ${index}`);
  return scene;
}

function requestedScene(catalog: Catalog, requested: WireValue): Scene {
  const scene = catalog.scenes.find(({ index, name }) => index === requested || name === requested);
  if (scene !== undefined) return scene;
  const names = catalog.scenes.map(({ index, name }) => `${index} (${name})`).join(", ");
  throw new InputError(`options.scene is ${JSON.stringify(requested)}, but catalog ${catalog.name} has: ${names}`);
}

/** One-hot scene; for each slot the one-hot type and x, y, z, yaw in [−1, 1]; the share of the episode done. */
export function writeState(
  catalog: Catalog,
  scene: Scene,
  objects: Objects,
  episodeProgress: number,
  out: TensorData,
): void {
  const types = catalog.objects.length;
  const { yawSteps } = catalog.rules;
  out.fill(0);
  out[scene.index] = 1;
  let to = catalog.scenes.length;
  // Runs at every step. The casts cost nothing; `from` stays within the objects.
  for (let from = 0; from < objects.length; from += OBJECT_FIELDS) {
    out[to + (objects[from] as number)] = 1;
    to += types;
    out[to] = (2 * (objects[from + 1] as number)) / scene.sizeX;
    out[to + 1] = (2 * (objects[from + 2] as number)) / scene.sizeY - 1;
    out[to + 2] = (2 * (objects[from + 3] as number)) / scene.sizeZ;
    out[to + 3] = yawSteps === 1 ? 0 : (2 * (objects[from + 4] as number)) / (yawSteps - 1) - 1;
    to += 4;
  }
  out[to] = episodeProgress;
}
