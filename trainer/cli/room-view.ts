/** @file One room stepped in this process, for `env view` and `env step`: state, reasons, captions. */

import type { StepOutcome, WireMap } from "../../protocol/index.js";
import { at } from "../at.js";
import { axesOfCamera, cameraOffset, caption, contradictsBases, EMPTY_CODE, relation } from "../language/index.js";
import {
  ACTION_SPEC,
  type Catalog,
  centres,
  OBJECT_FIELDS,
  type Objects,
  objectBox,
  render,
  roomsDefinition,
} from "../rooms/index.js";

export interface ObjectView {
  readonly slot: number;
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly yaw: number;
}

export interface RoomView {
  readonly scene: string;
  readonly objects: readonly ObjectView[];
  readonly captions: readonly string[];
  readonly stateHash: string;
}

/** The environment as served, but without a socket. */
export class LocalRoom {
  private readonly environment;

  constructor(private readonly catalog: Catalog) {
    this.environment = roomsDefinition(catalog).create(0);
  }

  reset(seed: number, scene: string | undefined): void {
    this.environment.reset(seed, scene === undefined ? {} : { scene: sceneOption(scene) });
  }

  /** Six elements in [−1, 1]; they are rounded to float32, as on the wire. */
  step(action: readonly number[]): StepOutcome {
    return this.environment.step(Float32Array.from(action));
  }

  picture(size: number): Uint8Array {
    return render(this.catalog, this.sceneIndex(), this.objects(), size).image;
  }

  view(): RoomView {
    const objects = this.objects();
    return {
      scene: at(this.catalog.scenes, this.sceneIndex()).name,
      objects: describeObjects(this.catalog, objects),
      captions: allCaptions(this.catalog, this.sceneIndex(), objects),
      stateHash: this.environment.stateHash?.() ?? "",
    };
  }

  private sceneIndex(): number {
    const scene = new Int32Array(1);
    this.environment.observe("scene", scene);
    return at(scene, 0);
  }

  private objects(): Objects {
    const objects = new Int32Array(this.catalog.rules.activeObjects * OBJECT_FIELDS);
    this.environment.observe("objects", objects);
    return objects;
  }
}

/** A scene by number or name. */
function sceneOption(scene: string): number | string {
  return /^\d+$/.test(scene) ? Number(scene) : scene;
}

function describeObjects(catalog: Catalog, objects: Objects): ObjectView[] {
  return Array.from({ length: objects.length / OBJECT_FIELDS }, (_, slot) => {
    const field = (index: number): number => at(objects, slot * OBJECT_FIELDS + index);
    return { slot, name: at(catalog.objects, field(0)).name, x: field(1), y: field(2), z: field(3), yaw: field(4) };
  });
}

/** A caption for each ordered, askable pair of active objects. */
export function allCaptions(catalog: Catalog, sceneIndex: number, objects: Objects): string[] {
  const { position, target } = at(catalog.scenes, sceneIndex).document.camera;
  const axes = axesOfCamera(position, target);
  const middles = centres(catalog, objects);
  const names = describeObjects(catalog, objects).map(({ name }) => name);
  return middles.flatMap((a, first) =>
    middles.flatMap((b, second) => {
      const code = relation(cameraOffset(a, b, axes));
      if (first === second || code === EMPTY_CODE) return [];
      const base = (slot: number): number => objectBox(catalog, objects, slot).y;
      if (contradictsBases(code, base(first), base(second))) return [];
      return [caption(at(names, first), at(names, second), code)];
    }),
  );
}

/** "-0.5,0,0.2,0.2,1,0" → six numbers in [−1, 1]; undefined for any other text. */
export function parseAction(text: string): number[] | undefined {
  const numbers = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const count = ACTION_SPEC.shape[0];
  return numbers.length === count && numbers.every((value) => value >= -1 && value <= 1) ? numbers : undefined;
}

/** "valid", or the reason and what stands in the way. */
export function describeInfo(info: WireMap): string {
  if (info["valid"] === true) return "valid";
  const obstacle = info["with"];
  const name =
    typeof obstacle === "object" && obstacle !== null && "name" in obstacle ? ` (${String(obstacle["name"])})` : "";
  return `invalid, reason ${String(info["reason"])}: ${String(info["reasonName"])}${name}`;
}
