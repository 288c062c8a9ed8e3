/**
 * @file What a server must offer for training (list: README.md). Its welcome is checked before anything starts; `rls3
 * env check --level train` tries the rest.
 */
import {
  boundOf,
  elementCount,
  ProtocolError,
  type TensorSpec,
  type VectorEnvironment,
  type Welcome,
} from "../../protocol/index.js";
import { at, only } from "../at.js";
import { InputError, UnavailableError } from "../errors.js";
import { Random } from "../random/random.js";
import { ACTION_SPEC, type Catalog, OBJECT_FIELDS, parseCatalog } from "../rooms/index.js";
import { EnvironmentLink, type Observed } from "./environment-link.js";
import { World } from "./served-world.js";
import { MOST_INVALID, uniformActions } from "./wander.js";

/** Something that a welcome must announce. */
export interface Requirement {
  readonly name: "catalog" | "action" | "objects" | "scene" | "images";
  readonly needs: string;
  /** What the server announces instead; undefined where the requirement is met. */
  readonly problem: string | undefined;
}

/**
 * Who draws the images: the server, or the embedded renderer from the server's states (then the server needs no
 * renderer).
 */
export type Render = "server" | "embedded";

const typeOf = ({ dtype, shape }: Pick<TensorSpec, "dtype" | "shape">): string => `${dtype} [${shape.join(", ")}]`;

/** What a server must announce for training with images of this size. */
export function requirementsOf(welcome: Welcome, imageSize: number, render: Render): Requirement[] {
  const catalog = catalogOf(welcome);
  const objects = [typeof catalog === "string" ? "active objects" : catalog.rules.activeObjects, OBJECT_FIELDS];
  const image = observed(welcome, "image", "uint8", [imageSize, imageSize, 3]);
  const rendersNone =
    "it renders no images: run it with a graphics device, and without -nographics, or add --render embedded";
  return [
    {
      name: "catalog",
      needs: "a catalog, as unity-project/Packages/com.rls3.gym/Catalog~/README.md describes it",
      problem: typeof catalog === "string" ? catalog : undefined,
    },
    { name: "action", needs: `actions ${typeOf(ACTION_SPEC)} from -1 to 1`, problem: actionProblem(welcome.action) },
    observed(welcome, "objects", "int32", objects),
    observed(welcome, "scene", "int32", [1]),
    ...(render === "embedded"
      ? []
      : [{ ...image, name: "images" as const, problem: welcome.graphics === null ? rendersNone : image.problem }]),
  ];
}

/** The catalog, or what is wrong with it. */
function catalogOf({ catalog }: Welcome): Catalog | string {
  if (catalog === null) return "it sends none";
  try {
    return parseCatalog(catalog, "its own");
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

function actionProblem(action: TensorSpec): string | undefined {
  if (typeOf(action) !== typeOf(ACTION_SPEC)) return `it takes ${typeOf(action)}`;
  const count = elementCount(action.shape);
  const low = Math.max(...boundOf(action.low, count, -1));
  const high = Math.min(...boundOf(action.high, count, 1));
  return low > -1 || high < 1 ? `it takes none below ${low} or above ${high}` : undefined;
}

/** An observation of this type; a word in place of a size matches any size. */
function observed(
  { observations }: Welcome,
  uid: "objects" | "scene" | "image",
  dtype: TensorSpec["dtype"],
  shape: readonly (number | string)[],
): Requirement {
  const given = observations.find((spec) => spec.uid === uid);
  const fits =
    given?.dtype === dtype &&
    given.shape.length === shape.length &&
    shape.every((size, axis) => typeof size === "string" || size === given.shape[axis]);
  return {
    name: uid === "image" ? "images" : uid,
    needs: `an observation "${uid}" ${dtype} [${shape.join(", ")}]`,
    problem: given === undefined ? "it gives none" : fits ? undefined : `it gives ${typeOf(given)}`,
  };
}

/** What the server lacks, in one sentence; undefined where it can be trained on. */
export function trainingProblem(welcome: Welcome, imageSize: number, render: Render): string | undefined {
  const lacks = requirementsOf(welcome, imageSize, render).filter(({ problem }) => problem !== undefined);
  if (lacks.length === 0) return undefined;
  const isWorld = lacks.every(({ name }) => name === "images");
  const what = isWorld ? "cannot be trained on" : "is no RLS3 world";
  const each = lacks.map(({ needs, problem }) => `${needs} (${problem})`).join("; ");
  return `the server "${welcome.name}" ${what}. It needs ${each}`;
}

/**
 * Reads the world from a welcome, and allocates nothing before the welcome is checked.
 * @throws UnavailableError that says everything the server lacks
 */
export function worldOf(welcome: Welcome, imageSize: number, render: Render): World {
  const problem = trainingProblem(welcome, imageSize, render);
  if (problem !== undefined) throw new UnavailableError(problem);
  return new World(parseCatalog(welcome.catalog), welcome);
}

/** The result of one check on a server. */
export interface Trial {
  readonly name: string;
  readonly requirement: string;
  /** Undefined where the server passes. */
  readonly problem: string | undefined;
}

/** Steps to try in each environment, and more until one is valid: at least a tenth of random placements is. */
const STEPS = 100;
const MOST_ENVIRONMENTS = 8;

/** Resets, steps and draws pictures as a run does. */
export async function tryOut(server: VectorEnvironment, imageSize: number, render: Render): Promise<Trial[]> {
  const world = worldOf(server.welcome, imageSize, render);
  const count = Math.min(MOST_ENVIRONMENTS, server.welcome.envCount);
  const link = new EnvironmentLink(server, world, count, undefined);
  const trials: Trial[] = [
    {
      name: "reset",
      requirement: "a reset takes a seed and options.scene (an index); the same ones give the same layout",
      problem: await complaint(() => tryResets(link)),
    },
    {
      name: "step",
      requirement:
        "a step's info says valid, and where it is not the reason (1 to 5); an invalid one changes nothing; no episode ends by itself",
      problem: await complaint(() => trySteps(link)),
    },
  ];
  if (render === "embedded") return trials;
  const requirement = "a noop brings the picture of the layout as it is";
  return [...trials, { name: "picture", requirement, problem: await complaint(() => tryPictures(link)) }];
}

async function complaint(trial: () => Promise<void>): Promise<string | undefined> {
  try {
    await trial();
    return undefined;
  } catch (error) {
    if (error instanceof UnavailableError || error instanceof ProtocolError) return error.message;
    throw error;
  }
}

async function reset(link: EnvironmentLink, scene: number, seed: number): Promise<Observed> {
  return only(await link.observe([{ env: 0, op: "reset", seed, options: { scene } }]));
}

const sameLayout = (a: Observed, b: Observed): boolean =>
  a.scene === b.scene && a.objects.every((field, i) => field === b.objects[i]);

async function tryResets(link: EnvironmentLink): Promise<void> {
  for (const { index, name } of link.world.catalog.scenes) {
    const first = await reset(link, index, 1);
    if (first.scene !== index) {
      throw new UnavailableError(`options.scene ${index} (${name}) was asked for, and scene ${first.scene} is shown`);
    }
    const other = await reset(link, index, 2);
    if (!sameLayout(first, await reset(link, index, 1))) {
      throw new UnavailableError(`seed 1 in scene ${index} (${name}) gave one layout, and later another`);
    }
    if (sameLayout(first, other)) {
      throw new UnavailableError(`seeds 1 and 2 gave the same layout in scene ${index} (${name})`);
    }
  }
}

async function trySteps(link: EnvironmentLink): Promise<void> {
  const random = Random.stream(1, "requirements");
  const environments = Array.from({ length: link.count }, (_, env) => env);
  let before = await link.observe(environments.map((env) => ({ env, op: "reset", seed: env })));
  let valid = 0;
  for (let step = 0; step < STEPS || valid === 0; step++) {
    if (step * link.count >= MOST_INVALID) {
      throw new UnavailableError(`of ${step * link.count} random placements not one is called valid`);
    }
    const actions = await uniformActions(before, random, { environments: link, count: link.count, scenes: [] });
    const after = await link.observe(environments.map((env) => ({ env, op: "step", action: at(actions, env) })));
    for (const [env, { reason }] of after.entries()) {
      if (reason === 0) valid++;
      else if (!sameLayout(at(before, env), at(after, env))) {
        throw new UnavailableError(`a step that info calls invalid (reason ${reason}) has changed the layout`);
      }
    }
    before = after;
  }
}

async function tryPictures(link: EnvironmentLink): Promise<void> {
  const pictures: (Uint8Array | null)[] = [];
  for (const seed of [1, 2]) {
    await reset(link, 0, seed);
    pictures.push(only(await link.images([0])));
  }
  const [first, second] = pictures;
  if (first?.every((value, i) => value === second?.[i]) !== false) {
    throw new UnavailableError("two layouts give the same picture");
  }
}
