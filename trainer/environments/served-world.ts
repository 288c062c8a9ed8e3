/** @file The world of the connected server, as its welcome's catalog describes it. */
import { createHash } from "node:crypto";
import type { Welcome } from "../../protocol/index.js";
import { at } from "../at.js";
import { InputError } from "../errors.js";
import {
  axesOfCamera,
  boundaryMargin,
  type CameraAxes,
  cameraOffset,
  contradictsBases,
  type RelationCode,
  relation,
} from "../language/index.js";
import { type Catalog, type CatalogObject, OBJECT_FIELDS } from "../rooms/index.js";
import type { AgentWorld, SceneView } from "../sac/agent-world.js";

export interface PairRelation {
  readonly code: RelationCode;
  /** Degrees to the nearest boundary between relations. */
  readonly margin: number;
  /**
   * False where the vertical term contradicts the heights of the objects' bases. Such a pair is never asked, rewarded,
   * trained or tested on.
   */
  readonly askable: boolean;
}

export class World {
  private readonly axes: readonly CameraAxes[];
  /** Of the catalog as sent: preparations from one world cannot be used in another. */
  readonly digest: string;
  readonly actionSize: number;

  constructor(
    readonly catalog: Catalog,
    welcome: Pick<Welcome, "action" | "catalog">,
  ) {
    this.axes = catalog.scenes.map(({ document }) => axesOfCamera(document.camera.position, document.camera.target));
    this.digest = createHash("sha256").update(JSON.stringify(welcome.catalog)).digest("hex");
    this.actionSize = welcome.action.shape.reduce((product, side) => product * side, 1);
  }

  /**
   * Catalog indices of the named scenes; all scenes for an empty list.
   * @throws InputError for an unknown name, with the names that exist
   */
  scenes(list: string): number[] {
    const { name: world, scenes } = this.catalog;
    const asked = list.split(",").map((name) => name.trim());
    const unknown = list === "" ? undefined : asked.find((name) => !scenes.some((scene) => scene.name === name));
    if (unknown !== undefined) {
      throw new InputError(
        `the world ${world} has no scene ${JSON.stringify(unknown)}, but: ${scenes.map(({ name }) => name).join(", ")}`,
      );
    }
    return scenes.filter(({ name }) => list === "" || asked.includes(name)).map(({ index }) => index);
  }

  /** @throws InputError that names the setting with an unknown scene */
  refuseUnknownScenes({ scenes, testScenes }: Readonly<Record<"scenes" | "testScenes", string>>): void {
    for (const [flag, list] of [
      ["--scenes", scenes],
      ["--test-scenes", testScenes],
    ] as const) {
      try {
        this.scenes(list);
      } catch (error) {
        throw error instanceof InputError ? new InputError(`${flag}: ${error.message}`) : error;
      }
    }
  }

  name(object: number): string {
    return at(this.catalog.objects, object).name;
  }

  /** Where the object in slot `a` is relative to the one in slot `b`, by the centres of their collision boxes. */
  relation(scene: number, objects: Int32Array, a: number, b: number): PairRelation {
    const offset = cameraOffset(this.centre(objects, a), this.centre(objects, b), this.axes[scene] as CameraAxes);
    const code = relation(offset);
    // Runs for every pair of every state, like `centre`. The casts cost nothing; the slots are in range.
    const baseA = objects[a * OBJECT_FIELDS + 2] as number;
    const baseB = objects[b * OBJECT_FIELDS + 2] as number;
    return { code, margin: boundaryMargin(offset), askable: !contradictsBases(code, baseA, baseB) };
  }

  private centre(objects: Int32Array, slot: number): readonly [number, number, number] {
    const first = slot * OBJECT_FIELDS;
    const { sizeY } = this.catalog.objects[objects[first] as number] as CatalogObject;
    return [objects[first + 1] as number, (objects[first + 2] as number) + sizeY / 2, objects[first + 3] as number];
  }

  /** The world as agents see it, with or without the features for relations. */
  agentWorld(features: "placement" | "relations"): AgentWorld {
    const { rules, objects, scenes } = this.catalog;
    const views = scenes.map(({ furniture }, scene): SceneView => {
      const { right, toward } = at(this.axes, scene);
      return {
        right,
        toward,
        surfaces: furniture.map(({ x0, x1, z0, z1, y1 }) => ({ x: [x0, x1], z: [z0, z1], top: y1 })),
      };
    });
    return {
      sceneCount: scenes.length,
      activeObjects: rules.activeObjects,
      objectSizes: objects.map(({ sizeX, sizeY, sizeZ }) => [sizeX, sizeY, sizeZ]),
      placementRange: {
        x: [rules.x.low, rules.x.high],
        z: [rules.z.low, rules.z.high],
        drop: [rules.drop.low, rules.drop.high],
      },
      yawSteps: rules.yawSteps,
      lengthUnit: Math.max(...scenes.map(({ sizeX }) => sizeX)) / 2,
      ...(features === "relations" ? { views } : {}),
    };
  }
}
