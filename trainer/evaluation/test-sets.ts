/** @file Draws test sets from random placements, and stores them as tensors. */
import { at } from "../at.js";
import type { Observed } from "../environments/environment-link.js";
import { type Drawing, uniformActions, wander } from "../environments/wander.js";
import { integers, octets } from "../files/tensor-file.js";
import { CODES } from "../language/index.js";
import { Random } from "../random/random.js";
import { OBJECT_FIELDS } from "../rooms/index.js";
import { int32, type Tensors, uint8 } from "../tensor.js";
import type { TestSet } from "./evaluation.js";
import { type Question, question, sampleQuestions, slotPairs } from "./questions.js";

/** If this many steps bring no more examples of a rare relation, the set goes without them. */
const STEPS_PER_TEST_SET = 150_000;

/** A test set with the states behind its images. */
export interface DrawnSet extends TestSet {
  readonly states: readonly Pick<Observed, "scene" | "objects">[];
}

/** The same number of images for each relation code, one pair per image, as far as random placements allow. */
export async function balancedSet(draw: Drawing, name: string, seed: number, perCode: number): Promise<DrawnSet> {
  const random = Random.stream(seed, "test set", name);
  const missing = new Map(CODES.map((code) => [code, perCode]));
  const target = perCode * missing.size;
  const images: Uint8Array[] = [];
  const questions: Question[][] = [];
  const states: Observed[] = [];
  let steps = 0;
  draw.progress.begin(`${name} set`, target, "images");
  await wander(draw, random, uniformActions, async (round) => {
    steps += round.length;
    const wanted: { env: number; question: Question; state: Observed }[] = [];
    for (const { env, after } of round) {
      if (after.reason !== 0) continue;
      const found = missingQuestion(draw, after, missing, random);
      if (found === null) continue;
      missing.set(found.code, stillMissing(missing, found) - 1);
      wanted.push({ env, question: found, state: after });
    }
    if (wanted.length > 0) {
      const pictures = await draw.environments.images(wanted.map(({ env }) => env));
      images.push(...pictures.filter((picture) => picture !== null));
      const pictured = wanted.filter((_, i) => pictures[i] !== null);
      // A server that was restarted meanwhile has no picture: the relation is still missing.
      for (const { question: lost } of wanted.filter((_, i) => pictures[i] === null)) {
        missing.set(lost.code, stillMissing(missing, lost) + 1);
      }
      questions.push(...pictured.map(({ question: found }) => [found]));
      states.push(...pictured.map(({ state }) => state));
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
  return { images, questions, states };
}

function stillMissing(missing: ReadonlyMap<number, number>, { code }: Question): number {
  const count = missing.get(code);
  if (count === undefined) throw new Error(`no relation has the code ${code}`);
  return count;
}

/** A pair of the state, in random order, with a relation that the set still lacks. */
function missingQuestion(
  draw: Drawing,
  state: Observed,
  missing: ReadonlyMap<number, number>,
  random: Random,
): Question | null {
  const { world } = draw.environments;
  const pairs = slotPairs(state.objects.length / OBJECT_FIELDS);
  for (const i of random.permutation(pairs.length)) {
    const [a, b] = pairs[i] ?? [0, 1];
    const [first, second] = random.float() < 0.5 ? [b, a] : [a, b];
    const found = question(world, state, first, second);
    if (found !== null && stillMissing(missing, found) > 0) return found;
  }
  return null;
}

/**
 * `count` images of random valid placements with all their questions: the natural mix of relations. Empty for a count
 * of 0.
 */
export async function naturalSet(draw: Drawing, seed: number, count: number): Promise<TestSet> {
  const random = Random.stream(seed, "test set", "natural");
  const images: Uint8Array[] = [];
  const questions: Question[][] = [];
  if (count === 0) return { images, questions };
  draw.progress.begin("natural mix", count, "images");
  await wander(draw, random, uniformActions, async (round) => {
    const wanted = round
      .filter(({ after }) => after.reason === 0)
      .map(({ env, after }) => ({ env, questions: sampleQuestions(draw.environments.world, after) }))
      .filter(({ questions: ofState }) => ofState.length > 0)
      .slice(0, count - images.length);
    if (wanted.length === 0) return true;
    const pictures = await draw.environments.images(wanted.map(({ env }) => env));
    images.push(...pictures.filter((picture) => picture !== null));
    questions.push(...wanted.flatMap(({ questions: ofState }, i) => (pictures[i] === null ? [] : [ofState])));
    draw.progress.advance(images.length);
    return images.length < count;
  });
  draw.progress.end();
  return { images, questions };
}

export function encodeTestSet({ images, questions }: TestSet): Tensors {
  const bytes = images[0]?.length ?? 0;
  const size = Math.round(Math.sqrt(bytes / 3));
  const data = new Uint8Array(images.length * bytes);
  for (const [i, image] of images.entries()) data.set(image, i * bytes);
  const all = questions.flat();
  return {
    images: uint8(data, [images.length, size, size, 3]),
    // Images differ in their number of askable pairs, so their questions are stored back to back.
    counts: int32(Int32Array.from(questions, ({ length }) => length)),
    questions: int32(Int32Array.from(all.flatMap(({ first, second, code }) => [first, second, code])), [all.length, 3]),
  };
}

export function decodeTestSet(tensors: Tensors): TestSet {
  const data = octets(tensors, "images");
  const counts = integers(tensors, "counts");
  const all = integers(tensors, "questions");
  const bytes = data.length / Math.max(1, counts.length);
  let next = 0;
  return {
    images: Array.from(counts, (_, i) => data.subarray(i * bytes, (i + 1) * bytes)),
    questions: Array.from(counts, (count) => {
      const from = next;
      next += count;
      return Array.from({ length: count }, (_, j): Question => {
        const row = (from + j) * 3;
        return { first: at(all, row), second: at(all, row + 1), code: at(all, row + 2) };
      });
    }),
  };
}
