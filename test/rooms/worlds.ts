/** @file Shared by the tests of the rooms: both worlds, actions, and episodes of random steps. */
import fc from "fast-check";
import { Random } from "../../trainer/random/random.js";
import {
  ACTION_NAMES,
  activeTypes,
  type Catalog,
  decodeAction,
  drawLayout,
  loadCatalog,
  type Objects,
  type Placement,
  type PlacementOutcome,
  place,
  type Scene,
  SHIPPED_WORLDS,
} from "../../trainer/rooms/index.js";

export const WORLDS: readonly Catalog[] = SHIPPED_WORLDS.map(loadCatalog);

/** Six elements of [−1, 1] as on the wire: float32. */
export const actions = fc.array(fc.float({ min: -1, max: 1, noNaN: true }), {
  minLength: ACTION_NAMES.length,
  maxLength: ACTION_NAMES.length,
});

export const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

export function sceneAt(catalog: Catalog, index: number): Scene {
  const scene = catalog.scenes[index % catalog.scenes.length];
  if (scene === undefined) throw new Error("a catalog has at least one scene");
  return scene;
}

export interface Step {
  readonly scene: Scene;
  readonly before: Objects;
  readonly placement: Placement;
  readonly outcome: PlacementOutcome;
}

/** Uniform random actions from fresh layouts, a new scene every `stepsPerLayout`. */
export function* randomSteps(catalog: Catalog, seed: number, count: number, stepsPerLayout = 200): Generator<Step> {
  const random = new Random(seed);
  let scene = sceneAt(catalog, 0);
  let objects: Objects = new Int32Array(0);
  for (let step = 0; step < count; step++) {
    if (step % stepsPerLayout === 0) {
      scene = sceneAt(catalog, step / stepsPerLayout);
      objects = drawLayout(catalog, scene, random).objects;
    }
    const action = ACTION_NAMES.map(() => random.uniform(-1, 1));
    const placement = decodeAction(catalog, activeTypes(objects), action);
    const before = objects.slice();
    const outcome = place(catalog, scene, objects, placement);
    yield { scene, before, placement, outcome };
    objects = outcome.objects;
  }
}
