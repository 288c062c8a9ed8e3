/** @file Reads and checks catalogs, and converts to integers what the rules need. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { Ajv, type ErrorObject } from "ajv";
import { InputError } from "../errors.js";
import type { CatalogDocument, ObjectDocument, Point, Primitive, SceneDocument } from "./catalog-document.js";
import { catalogFolder } from "./catalog-folder.js";
import { SHIPPED_WORLDS } from "./shipped-worlds.js";
import { YAW_SCALE } from "./yaw.js";

/** A box of furniture, aligned with the room, in millimetres. */
export interface FurnitureBox {
  readonly name: string;
  readonly x0: number;
  readonly x1: number;
  readonly y0: number;
  readonly y1: number;
  readonly z0: number;
  readonly z1: number;
}

/** The camera of the rules: unit axes as integers scaled by 2^14, and its position. */
export interface RuleCamera {
  readonly position: readonly [number, number, number];
  readonly right: readonly [number, number, number];
  readonly up: readonly [number, number, number];
  readonly forward: readonly [number, number, number];
  /** Half the width of the square image at distance 1, scaled by 2^14. */
  readonly halfField: number;
}

/** A room with its furniture and camera; lengths in millimetres. */
export interface Scene {
  readonly index: number;
  readonly name: string;
  /** Full size of the room; its floor is centred on the origin. */
  readonly sizeX: number;
  readonly sizeY: number;
  readonly sizeZ: number;
  readonly furniture: readonly FurnitureBox[];
  readonly camera: RuleCamera;
  readonly document: SceneDocument;
}

/** An object that can be placed; lengths in millimetres. */
export interface CatalogObject {
  readonly index: number;
  readonly name: string;
  /** Full size of the collision box. */
  readonly sizeX: number;
  readonly sizeY: number;
  readonly sizeZ: number;
  readonly document: ObjectDocument;
}

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The rules of placement: ranges in millimetres, shares in thousandths. */
export interface Rules {
  readonly x: Range;
  readonly z: Range;
  readonly drop: Range;
  readonly activeObjects: number;
  /** Share of the footprint's half size that must be inside the supporting surface, in thousandths. */
  readonly supportPermille: number;
  readonly stacking: boolean;
  readonly yawSteps: number;
  /** Share of an object's lattice points that the camera must see, in thousandths. */
  readonly minimumSeenPermille: number;
}

/** One world, as servers, trainer and renderers know it. */
export interface Catalog {
  readonly name: string;
  readonly rules: Rules;
  readonly objects: readonly CatalogObject[];
  readonly scenes: readonly Scene[];
  /** The catalog's JSON, as sent in the welcome message. */
  readonly document: CatalogDocument;
}

const validate = new Ajv({
  allErrors: true,
  multipleOfPrecision: 6,
  discriminator: true,
  verbose: true,
}).compile<CatalogDocument>(JSON.parse(readFileSync(path.join(catalogFolder, "catalog.schema.json"), "utf8")));

/**
 * Loads "rooms", "tabletop", or a JSON file by its path.
 * @throws InputError that names the file and the place in it
 */
export function loadCatalog(nameOrPath: string): Catalog {
  const isName = /^[a-z][a-z0-9-]*$/.test(nameOrPath);
  const file = isName ? path.join(catalogFolder, `${nameOrPath}.json`) : path.resolve(nameOrPath);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new InputError(
      isName
        ? `there is no world "${nameOrPath}" among those that ship (${SHIPPED_WORLDS.join(", ")}); for a file of your own give its path, such as ./${nameOrPath}.json`
        : `no catalog can be read at ${file}`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return parseCatalog(json, file);
}

/**
 * Checks a catalog's JSON; `source` is its file or server.
 * @throws InputError that names source and place
 */
export function parseCatalog(json: unknown, source = "the server's catalog"): Catalog {
  if (!validate(json)) {
    const errors = validate.errors ?? [];
    throw new InputError(`${source}: ${describeSchemaError(errors)}`);
  }
  const fail = (place: string, what: string): never => {
    throw new InputError(`${source}: ${place} ${what}`);
  };
  checkRanges(json, fail);
  checkObjects(json, fail);
  checkScenes(json, fail);
  return prepare(json);
}

/** The deepest error says most: a failed `oneOf` only sums up the errors of its alternatives. */
function describeSchemaError(errors: readonly ErrorObject[]): string {
  const telling = errors.filter(({ keyword }) => keyword !== "oneOf" && keyword !== "const");
  const [first] = [...telling, ...errors].sort((a, b) => depth(b) - depth(a));
  if (first === undefined) return "does not fit catalog.schema.json";
  const place = first.instancePath === "" ? "the document" : first.instancePath;
  if (first.keyword === "pattern")
    return `${place} must be ${first.parentSchema?.["description"]}, not "${first.data}"`;
  if (first.keyword === "discriminator") return `${place}/${first.params["tag"]} must be one of ${shapesOf(first)}`;
  const extra = first.keyword === "additionalProperties" ? ` ("${first.params["additionalProperty"]}")` : "";
  const allowed = first.keyword === "enum" ? `: ${first.params["allowedValues"].join(", ")}` : "";
  return `${place} ${first.message ?? "does not fit catalog.schema.json"}${extra}${allowed}`;
}

/** The values that tell the alternatives of a `oneOf` apart. */
const shapesOf = ({ parentSchema, params }: ErrorObject): string =>
  (
    (parentSchema?.["oneOf"] ?? []) as readonly {
      readonly properties: Readonly<Record<string, { readonly const: string }>>;
    }[]
  )
    .map(({ properties }) => properties[params["tag"]]?.const)
    .join(", ");

const depth = (error: ErrorObject): number => error.instancePath.split("/").length;

type Fail = (place: string, what: string) => never;

function checkRanges(document: CatalogDocument, fail: Fail): void {
  const { placementRange, activeObjects } = document.rules;
  for (const axis of ["x", "z", "drop"] as const) {
    const [low, high] = placementRange[axis];
    if (low >= high) fail(`/rules/placementRange/${axis}`, `must grow: [low, high], not [${low}, ${high}]`);
  }
  if (document.objects.length <= activeObjects) {
    fail("/objects", `must be more than the ${activeObjects} active ones, or none could come in`);
  }
}

function checkObjects(document: CatalogDocument, fail: Fail): void {
  const names = new Set<string>();
  for (const [index, { name, collision, primitives }] of document.objects.entries()) {
    if (names.has(name)) fail(`/objects/${index}/name`, `"${name}" is taken by another object`);
    names.add(name);
    if (Math.max(...collision.size) > 5000) {
      fail(`/objects/${index}/collision/size`, "must be at most 5000 mm a side, or the rules' products pass 2^53");
    }
    const [sizeX, sizeY, sizeZ] = collision.size;
    const box: Bounds = { low: [-sizeX / 2, 0, -sizeZ / 2], high: [sizeX / 2, sizeY, sizeZ / 2] };
    for (const [number, primitive] of primitives.entries()) {
      if (!liesIn(primitive, box)) fail(`/objects/${index}/primitives/${number}`, "leaves the collision box");
    }
  }
}

function checkScenes(document: CatalogDocument, fail: Fail): void {
  const names = new Set<string>();
  for (const [index, scene] of document.scenes.entries()) {
    const place = `/scenes/${index}`;
    if (names.has(scene.name)) fail(`${place}/name`, `"${scene.name}" is taken by another scene`);
    names.add(scene.name);
    const { position, target } = scene.camera;
    if (position[0] === target[0] && position[2] === target[2]) {
      fail(`${place}/camera`, "must not look straight up or down: it would have no left and right");
    }
    const [sizeX, sizeY, sizeZ] = scene.size;
    const room = { x: [-sizeX / 2, sizeX / 2], y: [0, sizeY], z: [-sizeZ / 2, sizeZ / 2] } as const;
    for (const [number, box] of scene.furniture.entries()) {
      for (const axis of ["x", "y", "z"] as const) {
        const [low, high] = box[axis];
        const [roomLow, roomHigh] = room[axis];
        const at = `${place}/furniture/${number}/${axis}`;
        if (low >= high) fail(at, `must grow: [low, high], not [${low}, ${high}]`);
        if (low < roomLow || high > roomHigh) fail(at, `must lie in the room: ${roomLow} to ${roomHigh}`);
      }
      const { x, y, z, parts = [] } = box;
      const bounds: Bounds = { low: [x[0], y[0], z[0]], high: [x[1], y[1], z[1]] };
      for (const [part, primitive] of parts.entries()) {
        if (!liesIn(primitive, bounds)) {
          fail(
            `${place}/furniture/${number}/parts/${part}`,
            "leaves the furniture's box, which is all that the rules know",
          );
        }
      }
    }
  }
}

interface Bounds {
  readonly low: Point;
  readonly high: Point;
}

/** How far (mm) drawn parts may leave their box. */
const LOOKS_TOLERANCE = 1;

function liesIn(primitive: Primitive, { low, high }: Bounds): boolean {
  const drawn = extentOf(primitive);
  return ([0, 1, 2] as const).every(
    (axis) => drawn.low[axis] >= low[axis] - LOOKS_TOLERANCE && drawn.high[axis] <= high[axis] + LOOKS_TOLERANCE,
  );
}

function extentOf(primitive: Primitive): Bounds {
  const [x, y, z] = primitive.offset;
  const around = (rx: number, below: number, above: number, rz: number): Bounds => ({
    low: [x - rx, y - below, z - rz],
    high: [x + rx, y + above, z + rz],
  });
  switch (primitive.shape) {
    case "box": {
      const [rx, ry, rz] = primitive.halfSize;
      return around(rx, ry, ry, rz);
    }
    case "ellipsoid": {
      const [rx, ry, rz] = primitive.radii;
      return around(rx, ry, ry, rz);
    }
    case "frustum": {
      const radius = Math.max(primitive.bottomRadius, primitive.topRadius);
      return around(radius, 0, primitive.height, radius);
    }
    case "lathe": {
      const radius = Math.max(...primitive.profile.map(([each]) => each));
      return around(radius, 0, Math.max(...primitive.profile.map(([, height]) => height)), radius);
    }
  }
}

function prepare(document: CatalogDocument): Catalog {
  const { rules } = document;
  const range = ([low, high]: readonly [number, number]): Range => ({ low, high });
  return {
    name: document.name,
    document,
    rules: {
      x: range(rules.placementRange.x),
      z: range(rules.placementRange.z),
      drop: range(rules.placementRange.drop),
      activeObjects: rules.activeObjects,
      supportPermille: Math.floor(rules.supportFootprint * 1000 + 0.5),
      stacking: rules.stacking,
      yawSteps: rules.yawSteps,
      minimumSeenPermille: Math.floor(rules.minimumSeen * 1000 + 0.5),
    },
    objects: document.objects.map((object, index) => {
      const [sizeX, sizeY, sizeZ] = object.collision.size;
      return { index, name: object.name, sizeX, sizeY, sizeZ, document: object };
    }),
    scenes: document.scenes.map((scene, index) => prepareScene(document, scene, index)),
  };
}

function prepareScene(document: CatalogDocument, scene: SceneDocument, index: number): Scene {
  const [sizeX, sizeY, sizeZ] = scene.size;
  return {
    index,
    name: scene.name,
    sizeX,
    sizeY,
    sizeZ,
    document: scene,
    camera: ruleCamera(scene, document.camera.halfFieldTangent),
    furniture: scene.furniture.map(({ name, x, y, z }, number) => ({
      name: name ?? `furniture ${number}`,
      x0: x[0],
      x1: x[1],
      y0: y[0],
      y1: y[1],
      z0: z[0],
      z1: z[1],
    })),
  };
}

/**
 * Computes axes from products, square roots and divisions of doubles, each rounded once by IEEE 754, then to 2^-14: the
 * same on every machine.
 */
function ruleCamera(scene: SceneDocument, halfFieldTangent: number): RuleCamera {
  const { position, target } = scene.camera;
  const fx = target[0] - position[0];
  const fy = target[1] - position[1];
  const fz = target[2] - position[2];
  const scaled = (x: number, y: number, z: number): readonly [number, number, number] => {
    const length = Math.sqrt(x * x + y * y + z * z);
    const round = (value: number): number => Math.floor((value * YAW_SCALE) / length + 0.5);
    return [round(x), round(y), round(z)];
  };
  return {
    position,
    forward: scaled(fx, fy, fz),
    right: scaled(-fz, 0, fx),
    up: scaled(-fx * fy, fz * fz + fx * fx, -fy * fz),
    halfField: Math.floor(halfFieldTangent * YAW_SCALE + 0.5),
  };
}
