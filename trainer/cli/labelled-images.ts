/** @file Random valid pictures of the embedded rooms with what is in them: what the bundled model is pre-trained on. */
import { axesOfCamera, cameraOffset } from "../language/index.js";
import { Random } from "../random/random.js";
import {
  activeTypes,
  type Catalog,
  centres,
  decodeAction,
  drawLayout,
  type Objects,
  place,
  render,
} from "../rooms/index.js";
import type { LabelledImages } from "../vlm/pretraining/labelled.js";

/** Valid placements before the scene changes. */
const PLACEMENTS_PER_SCENE = 4;

export interface LabelledImagesOptions {
  readonly count: number;
  readonly size: number;
  readonly patch: number;
  readonly seed: number;
  /** Keeps only images whose objects all stand on the floor: a model trained on them has a weakness to find. */
  readonly floorOnly: boolean;
}

const onTheFloor = (objects: Objects): boolean =>
  activeTypes(objects).every(
    (_, slot) => (objects[slot * (objects.length / activeTypes(objects).length) + 2] ?? 0) === 0,
  );

/** Objects of one valid state after the other: uniform random actions, a new layout every few of them. */
function* randomStates(
  catalog: Catalog,
  seed: number,
  floorOnly: boolean,
): Generator<{ scene: number; objects: Objects }> {
  const random = Random.stream(seed, "labelled images");
  let valid = 0;
  let scene = 0;
  let objects: Objects | undefined;
  for (;;) {
    const current = catalog.scenes[scene];
    if (objects === undefined || current === undefined) {
      scene = random.below(catalog.scenes.length);
      const next = catalog.scenes[scene];
      if (next === undefined) throw new RangeError(`no scene ${scene}`);
      objects = drawLayout(catalog, next, random).objects;
      continue;
    }
    const action = Float64Array.from({ length: 6 }, () => random.uniform(-1, 1));
    const outcome = place(catalog, current, objects, decodeAction(catalog, activeTypes(objects), action));
    if (!outcome.valid) continue;
    objects = outcome.objects;
    if (floorOnly && !onTheFloor(objects)) continue;
    yield { scene, objects };
    valid++;
    if (valid % PLACEMENTS_PER_SCENE === 0) objects = undefined;
  }
}

/** Renders `count` of them. Memory: count × size² × 3 bytes. */
export function labelledImages(catalog: Catalog, options: LabelledImagesOptions): LabelledImages {
  const { count, size, patch } = options;
  const active = catalog.rules.activeObjects;
  const side = size / patch;
  const images = new Uint8Array(count * size * size * 3);
  const types = new Uint8Array(count * active);
  const coordinates = new Float32Array(count * active * 3);
  const patchPixels = new Uint16Array(count * active * side * side);
  const axes = catalog.scenes.map(({ document: { camera } }) => axesOfCamera(camera.position, camera.target));
  const states = randomStates(catalog, options.seed, options.floorOnly);
  for (let image = 0; image < count; image++) {
    const { value } = states.next();
    const { scene, objects } = value as { scene: number; objects: Objects };
    const picture = render(catalog, scene, objects, size);
    images.set(picture.image, image * size * size * 3);
    types.set(activeTypes(objects), image * active);
    const view = axes[scene];
    centres(catalog, objects).forEach((centre, slot) => {
      if (view === undefined) return;
      const { right, up, toward } = cameraOffset([0, 0, 0], centre, view);
      coordinates.set([right, up, toward], (image * active + slot) * 3);
    });
    for (let pixel = 0; pixel < size * size; pixel++) {
      const owner = picture.segmentation[pixel] ?? 0;
      if (owner === 0) continue;
      const at = Math.floor(Math.floor(pixel / size) / patch) * side + Math.floor((pixel % size) / patch);
      const index = (image * active + owner - 1) * side * side + at;
      patchPixels[index] = (patchPixels[index] ?? 0) + 1;
    }
  }
  return {
    count,
    size,
    images,
    names: catalog.objects.map(({ name }) => name),
    active,
    types,
    coordinates,
    patchPixels,
  };
}
