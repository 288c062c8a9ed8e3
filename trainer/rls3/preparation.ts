/** @file What runs share: random transitions to learn feasibility from, and the test sets; made once, kept with a digest of what they depend on. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import { InputError } from "../errors.js";
import type { Tensors } from "../graph/runtime.js";
import { CODES, LANGUAGE_VERSION } from "../language/index.js";
import { Random } from "../random/random.js";
import type { Transition } from "../sac/agent.js";
import { type Configuration, randomTransitionsNeeded } from "./configuration.js";
import type { EnvironmentLink, Observed } from "./environment-link.js";
import type { TestSet } from "./evaluation.js";
import type { Progress } from "./progress.js";
import { type Question, question, sampleQuestions, slotPairs } from "./questions.js";
import { floats, integers, octets, readTensorFile, writeTensorFile } from "./tensor-file.js";
import { feasibilityTransition, uniformActions, type Wandering, wander } from "./wander.js";

export interface Preparation {
  /** Read when asked for, since they are many and needed once; none where no feasibility steps are configured. */
  readonly transitions: () => readonly Transition[];
  /** Balanced over relation codes, one question an image. */
  readonly test: TestSet;
  /** What random placements give: all pairs that may be asked about, at least one an image. */
  readonly natural: TestSet;
  /** Balanced like the test set, from another seed: for early stopping only. */
  readonly validation: TestSet;
}

/** Environments that everything is drawn from, so that E does not change the test sets (a server with fewer does). */
export const PREPARATION_ENVIRONMENTS = 16;

/** Raised when the same inputs would give other contents. Test sets also follow from which pairs the language asks about. */
const TRANSITIONS_VERSION = [1] as const;
const TEST_SET_VERSION = [2, LANGUAGE_VERSION] as const;
/** Where a relation is so rare that this many steps bring no more of it, the set goes without. */
const STEPS_PER_TEST_SET = 150_000;

/** Reads the shared files from `directory`, making those that are not there. */
export async function prepare(
  directory: string,
  configuration: Configuration,
  environments: EnvironmentLink,
  imageSize: number,
  progress: Progress,
): Promise<Preparation> {
  const { testSeed, testImagesPerRelation, naturalImages, validationImagesPerRelation } = configuration;
  const feasibilitySteps = randomTransitionsNeeded(configuration);
  const draw = drawFrom(environments, progress);
  const file = (name: string, version: readonly number[], ...dependsOn: readonly number[]): StoredFile => ({
    path: path.join(directory, `${name}.safetensors`),
    // All that its contents follow from; a file with another digest is refused.
    digest: createHash("sha256")
      .update(JSON.stringify([...version, environments.world.digest, draw.count, testSeed, ...dependsOn]))
      .digest("hex"),
  });
  const testSet = async (name: string, size: number, make: () => Promise<TestSet>): Promise<TestSet> =>
    decodeTestSet(await kept(file(name, TEST_SET_VERSION, size, imageSize), async () => encodeTestSet(await make())));
  const balanced = (name: string, perRelation: number): Promise<TestSet> =>
    testSet(name, perRelation, () => balancedSet(draw, name, testSeed, perRelation));
  const steps = file("transitions", TRANSITIONS_VERSION, feasibilitySteps);
  if (feasibilitySteps > 0) {
    await kept(steps, async () => encodeTransitions(await randomTransitions(draw, testSeed, feasibilitySteps)));
  }
  return {
    transitions: () => (feasibilitySteps > 0 ? decodeTransitions(readTensorFile(steps.path).tensors) : []),
    test: await balanced("test", testImagesPerRelation),
    natural: await testSet("natural", naturalImages, () => naturalSet(draw, testSeed, naturalImages)),
    validation: await balanced("validation", validationImagesPerRelation),
  };
}

/** Images that each point of a curve asks the model about. */
export const imagesEvaluated = (configuration: Configuration): number =>
  CODES.length * configuration.testImagesPerRelation +
  configuration.naturalImages +
  (configuration.earlyStopping ? CODES.length * configuration.validationImagesPerRelation : 0);

/** Whether `prepare` would find everything there; what is in it is looked at only then. */
export const isPrepared = (
  directory: string,
  configuration: Pick<Configuration, "pretraining" | "feasibilitySteps">,
): boolean =>
  [...(randomTransitionsNeeded(configuration) > 0 ? ["transitions"] : []), "test", "natural", "validation"].every(
    (name) => existsSync(path.join(directory, `${name}.safetensors`)),
  );

/** The test sets alone, of this configuration's sizes and seed, not kept. */
export async function drawTestSets(
  { testSeed, testImagesPerRelation, naturalImages }: Configuration,
  environments: EnvironmentLink,
  progress: Progress,
): Promise<Pick<Preparation, "test" | "natural">> {
  const draw = drawFrom(environments, progress);
  return {
    test: await balancedSet(draw, "test", testSeed, testImagesPerRelation),
    natural: await naturalSet(draw, testSeed, naturalImages),
  };
}

interface StoredFile {
  readonly path: string;
  readonly digest: string;
}

/** What the file holds; made and written first where there is none. A later run reads the same, to the bit. */
async function kept({ path: file, digest }: StoredFile, make: () => Promise<Tensors>): Promise<Tensors> {
  if (!existsSync(file)) {
    const tensors = await make();
    writeTensorFile(file, tensors, { digest });
    return tensors;
  }
  const { tensors, note } = readTensorFile(file);
  if ((note as { digest?: unknown }).digest !== digest) {
    throw new InputError(
      `${file}: was made for another configuration or world, or by a version of rls3 that asks about other pairs; give another folder, or remove it to have it made anew`,
    );
  }
  return tensors;
}

interface Draw extends Wandering {
  readonly progress: Progress;
}

const drawFrom = (environments: EnvironmentLink, progress: Progress): Draw => ({
  environments,
  count: Math.min(PREPARATION_ENVIRONMENTS, environments.count),
  progress,
});

async function randomTransitions(draw: Draw, seed: number, count: number): Promise<Transition[]> {
  const transitions: Transition[] = [];
  const random = Random.stream(seed, "feasibility");
  draw.progress.begin("random transitions for feasibility", count, "steps");
  await wander(draw, random, uniformActions, (round) => {
    for (const step of round) transitions.push(feasibilityTransition(step, random.float()));
    draw.progress.advance(Math.min(count, transitions.length));
    return Promise.resolve(transitions.length < count);
  });
  draw.progress.end();
  return transitions.slice(0, count);
}

/** The same number of images for each relation code, one pair an image, as far as random placements bring them. */
async function balancedSet(draw: Draw, name: string, seed: number, perCode: number): Promise<TestSet> {
  const random = Random.stream(seed, "test set", name);
  const missing = new Map(CODES.map((code) => [code, perCode]));
  const target = perCode * missing.size;
  const images: Uint8Array[] = [];
  const questions: Question[][] = [];
  let steps = 0;
  draw.progress.begin(`${name} set`, target, "images");
  await wander(draw, random, uniformActions, async (round) => {
    steps += round.length;
    const wanted: { env: number; question: Question }[] = [];
    for (const { env, after } of round) {
      if (after.reason !== 0) continue;
      const asked = missingQuestion(draw, after, missing, random);
      if (asked === null) continue;
      missing.set(asked.code, (missing.get(asked.code) ?? 1) - 1);
      wanted.push({ env, question: asked });
    }
    if (wanted.length > 0) {
      const pictures = await draw.environments.images(wanted.map(({ env }) => env));
      images.push(...pictures.filter((picture) => picture !== null));
      questions.push(...wanted.flatMap(({ question: asked }, i) => (pictures[i] === null ? [] : [[asked]])));
      draw.progress.advance(images.length);
    }
    return images.length < target && steps < STEPS_PER_TEST_SET;
  });
  draw.progress.end();
  const rare = [...missing.values()].filter((count) => count > 0).length;
  if (rare > 0) {
    draw.progress.say(
      `${name} set: ${images.length} of ${target} images; random placements seldom give ${rare} of the relations`,
    );
  }
  return { images, questions };
}

/** A pair of the state, in random order, whose relation the set still lacks. */
function missingQuestion(
  draw: Draw,
  state: Observed,
  missing: ReadonlyMap<number, number>,
  random: Random,
): Question | null {
  const { world } = draw.environments;
  const pairs = slotPairs(state.objects.length / 5);
  for (const i of random.permutation(pairs.length)) {
    const [a, b] = pairs[i] ?? [0, 1];
    const [first, second] = random.float() < 0.5 ? [b, a] : [a, b];
    const asked = question(world, state, first, second);
    if (asked !== null && (missing.get(asked.code) ?? 0) > 0) return asked;
  }
  return null;
}

async function naturalSet(draw: Draw, seed: number, count: number): Promise<TestSet> {
  const random = Random.stream(seed, "test set", "natural");
  const images: Uint8Array[] = [];
  const questions: Question[][] = [];
  if (count === 0) return { images, questions };
  draw.progress.begin("natural mix", count, "images");
  await wander(draw, random, uniformActions, async (round) => {
    const wanted = round
      .filter(({ after }) => after.reason === 0)
      .map(({ env, after }) => ({ env, asked: sampleQuestions(draw.environments.world, after) }))
      .filter(({ asked }) => asked.length > 0)
      .slice(0, count - images.length);
    if (wanted.length === 0) return true;
    const pictures = await draw.environments.images(wanted.map(({ env }) => env));
    images.push(...pictures.filter((picture) => picture !== null));
    questions.push(...wanted.flatMap(({ asked }, i) => (pictures[i] === null ? [] : [asked])));
    draw.progress.advance(images.length);
    return images.length < count;
  });
  draw.progress.end();
  return { images, questions };
}

function encodeTransitions(transitions: readonly Transition[]): Tensors {
  const n = transitions.length;
  const width = transitions[0]?.observation.objects.length ?? 0;
  const actionWidth = transitions[0]?.action.length ?? 0;
  const scene = new Int32Array(n);
  const objects = new Int32Array(n * width);
  const next = new Int32Array(n * width);
  const progress = new Float32Array(n);
  const action = new Float32Array(n * actionWidth);
  const valid = new Uint8Array(n);
  for (const [i, transition] of transitions.entries()) {
    scene[i] = transition.observation.scene;
    progress[i] = transition.observation.progress;
    valid[i] = transition.valid ? 1 : 0;
    objects.set(transition.observation.objects, i * width);
    next.set(transition.next.objects, i * width);
    action.set(transition.action, i * actionWidth);
  }
  return {
    scene: { type: "int32", dims: [n], data: scene },
    objects: { type: "int32", dims: [n, width], data: objects },
    next: { type: "int32", dims: [n, width], data: next },
    progress: { type: "float32", dims: [n], data: progress },
    action: { type: "float32", dims: [n, actionWidth], data: action },
    valid: { type: "uint8", dims: [n], data: valid },
  };
}

function decodeTransitions(tensors: Tensors): Transition[] {
  const [scene, objects, next] = [integers(tensors, "scene"), integers(tensors, "objects"), integers(tensors, "next")];
  const [progress, action, valid] = [floats(tensors, "progress"), floats(tensors, "action"), octets(tensors, "valid")];
  const n = scene.length;
  const width = objects.length / Math.max(1, n);
  const actionWidth = action.length / Math.max(1, n);
  return Array.from(scene, (where, i): Transition => {
    const share = { scene: where, progress: progress[i] ?? 0 };
    return {
      observation: { ...share, objects: objects.subarray(i * width, (i + 1) * width) },
      action: action.subarray(i * actionWidth, (i + 1) * actionWidth),
      next: { ...share, objects: next.subarray(i * width, (i + 1) * width) },
      valid: valid[i] === 1,
      reward: valid[i] === 1 ? 1 : -1,
      hardness: null,
      terminated: false,
    };
  });
}

export function encodeTestSet({ images, questions }: TestSet): Tensors {
  const bytes = images[0]?.length ?? 0;
  const size = Math.round(Math.sqrt(bytes / 3));
  const data = new Uint8Array(images.length * bytes);
  for (const [i, image] of images.entries()) data.set(image, i * bytes);
  const asked = questions.flat();
  return {
    images: { type: "uint8", dims: [images.length, size, size, 3], data },
    // Images differ in how many of their pairs may be asked about: their questions lie one behind the other.
    counts: {
      type: "int32",
      dims: [questions.length],
      data: Int32Array.from(questions, (own) => own.length),
    },
    questions: {
      type: "int32",
      dims: [asked.length, 3],
      data: Int32Array.from(asked.flatMap(({ first, second, code }) => [first, second, code])),
    },
  };
}

export function decodeTestSet(tensors: Tensors): TestSet {
  const data = octets(tensors, "images");
  const counts = integers(tensors, "counts");
  const asked = integers(tensors, "questions");
  const bytes = data.length / Math.max(1, counts.length);
  let next = 0;
  return {
    images: Array.from(counts, (_, i) => data.subarray(i * bytes, (i + 1) * bytes)),
    questions: Array.from(counts, (count) => {
      const from = next;
      next += count;
      return Array.from({ length: count }, (_, j): Question => {
        const [first = 0, second = 0, code = 0] = asked.subarray((from + j) * 3);
        return { first, second, code };
      });
    }),
  };
}
