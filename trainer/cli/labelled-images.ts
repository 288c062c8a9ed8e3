/** @file Random valid pictures of embedded worlds with labels, for pre-training the bundled model. */
import { at } from "../at.js";
import { axesOfCamera, cameraOffset } from "../language/index.js";
import { Random } from "../random/random.js";
import {
  activeTypes,
  type Catalog,
  centres,
  decodeAction,
  drawLayout,
  type Objects,
  objectBox,
  place,
  render,
} from "../rooms/index.js";
import { EMPTY, type LabelledImages, objectsIn } from "../vlm/pretraining/labelled.js";

/** Valid placements before the scene changes. */
const PLACEMENTS_PER_SCENE = 4;

export interface LabelledImagesOptions {
  /** For all worlds together. */
  readonly count: number;
  readonly size: number;
  readonly patch: number;
  readonly seed: number;
  /** Only images with all objects on the floor: a model trained on them has a weakness to find. */
  readonly floorOnly: boolean;
}

const onTheFloor = (objects: Objects): boolean =>
  activeTypes(objects).every((_, slot) => at(objects, slot * (objects.length / activeTypes(objects).length) + 2) === 0);

/** Objects of valid states, one after another: uniformly random actions, and a new layout every few of them. */
function* randomStates(
  catalog: Catalog,
  random: Random,
  floorOnly: boolean,
): Generator<{ scene: number; objects: Objects }, never> {
  let valid = 0;
  let scene = 0;
  let objects: Objects | undefined;
  for (;;) {
    if (objects === undefined) {
      scene = random.below(catalog.scenes.length);
      objects = drawLayout(catalog, at(catalog.scenes, scene), random).objects;
      continue;
    }
    const current = at(catalog.scenes, scene);
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

/** One world's share of all images. */
interface Drawn {
  readonly catalog: Catalog;
  readonly states: ReturnType<typeof randomStates>;
  readonly views: readonly ReturnType<typeof axesOfCamera>[];
  /** The types of its objects, as indices of all worlds' names. */
  readonly types: readonly number[];
}

/** Extends a box to contain a pixel; a box that ends at 0 is still empty. */
function widen(box: Uint16Array, y: number, x: number): void {
  const isEmpty = at(box, 2) === 0;
  box[0] = isEmpty ? y : Math.min(at(box, 0), y);
  box[1] = isEmpty ? x : Math.min(at(box, 1), x);
  box[2] = Math.max(at(box, 2), y + 1);
  box[3] = Math.max(at(box, 3), x + 1);
}

/**
 * Renders `count` pictures, taking the worlds in turn. Memory: count × size² × 3 bytes. Coordinates are in the first
 * world's unit. Those of the others are scaled to its spread: a desk fills its picture as a room does.
 */
export function labelledImages(catalogs: readonly Catalog[], options: LabelledImagesOptions): LabelledImages {
  const { count, size, patch, seed, floorOnly } = options;
  const names = [...new Set(catalogs.flatMap(({ objects }) => objects.map(({ name }) => name)))];
  const active = Math.max(...catalogs.map(({ rules }) => rules.activeObjects));
  const worlds = catalogs.map((catalog, i): Drawn => {
    const random = Random.stream(seed, "labelled images", ...(i === 0 ? [] : [i]));
    return {
      catalog,
      states: randomStates(catalog, random, floorOnly),
      views: catalog.scenes.map(({ document: { camera } }) => axesOfCamera(camera.position, camera.target)),
      types: catalog.objects.map(({ name }) => names.indexOf(name)),
    };
  });
  const side = size / patch;
  const images = new Uint8Array(count * size * size * 3);
  const types = new Uint8Array(count * active).fill(EMPTY);
  const coordinates = new Float32Array(count * active * 3);
  const bases = new Int32Array(count * active);
  const patchPixels = new Uint16Array(count * active * side * side);
  const boxes = new Uint16Array(count * active * 4);
  for (let image = 0; image < count; image++) {
    const { catalog, states, views, types: typesOfWorld } = at(worlds, image % worlds.length);
    const { scene, objects } = states.next().value;
    const picture = render(catalog, scene, objects, size);
    images.set(picture.image, image * size * size * 3);
    types.set(
      activeTypes(objects).map((type) => at(typesOfWorld, type)),
      image * active,
    );
    const view = at(views, scene);
    centres(catalog, objects).forEach((centre, slot) => {
      const { right, up, toward } = cameraOffset([0, 0, 0], centre, view);
      coordinates.set([right, up, toward], (image * active + slot) * 3);
      bases[image * active + slot] = objectBox(catalog, objects, slot).y;
    });
    picture.segmentation.forEach((owner, pixel) => {
      if (owner === 0) return;
      const [y, x] = [Math.floor(pixel / size), pixel % size];
      const object = image * active + owner - 1;
      const index = object * side * side + Math.floor(y / patch) * side + Math.floor(x / patch);
      patchPixels[index] = (patchPixels[index] as number) + 1;
      widen(boxes.subarray(object * 4, object * 4 + 4), y, x);
    });
  }
  const data = { count, size, images, names, active, types, coordinates, bases, patchPixels, boxes };
  scaleToFirst(data, worlds.length);
  return data;
}

/** Scales the coordinates of each world's images to the spread of the first world's, about their mean. */
function scaleToFirst(data: LabelledImages, worlds: number): void {
  const { count, coordinates } = data;
  const spreads = Array.from({ length: worlds }, (_, world) => {
    const [sums, squares] = [new Float64Array(3), new Float64Array(3)];
    let objects = 0;
    for (let image = world; image < count; image += worlds) {
      for (const { object } of objectsIn(data, image)) {
        objects += 1;
        for (const [axis, value] of coordinates.subarray(object * 3, object * 3 + 3).entries()) {
          sums[axis] = at(sums, axis) + value;
          squares[axis] = at(squares, axis) + value ** 2;
        }
      }
    }
    const variances = squares.map((square, axis) => square / objects - (at(sums, axis) / objects) ** 2);
    return Math.sqrt(variances.reduce((sum, variance) => sum + variance, 0));
  });
  for (let image = 0; image < count; image++) {
    const world = image % worlds;
    if (world === 0) continue;
    const scale = at(spreads, 0) / at(spreads, world);
    for (const { object } of objectsIn(data, image)) {
      const centre = coordinates.subarray(object * 3, object * 3 + 3);
      centre.set(centre.map((value) => value * scale));
    }
  }
}
