/**
 * @file The rows of the runs' test sets. The test set's file has pictures and questions; states are drawn again from
 * the seed, and their pictures compared with the file's.
 */
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { EnvironmentClient, EnvironmentServer, type SessionWishes } from "../../protocol/index.js";
import { at } from "../at.js";
import { closing } from "../closing.js";
import { EnvironmentLink } from "../environments/environment-link.js";
import { encodePng } from "../environments/picture.js";
import { drawingFrom, PREPARATION_ENVIRONMENTS } from "../environments/wander.js";
import { InputError } from "../errors.js";
import type { TestSet } from "../evaluation/evaluation.js";
import { balancedSet, type DrawnSet, decodeTestSet, encodeTestSet } from "../evaluation/test-sets.js";
import { readTensorFile } from "../files/tensor-file.js";
import type { Progress } from "../progress.js";
import { roomsDefinition } from "../rooms/index.js";
import { drawn, type ExportedPicture } from "./pictures.js";
import { testRow, type Wording } from "./row.js";
import type { ExportedRun } from "./runs.js";
import type { Exported, Looks } from "./samples.js";

/** One run for each different test set. */
export const testedRuns = (runs: readonly ExportedRun[]): ExportedRun[] =>
  runs.filter(({ shared }, i) => runs.findIndex((other) => other.shared === shared) === i);

/** The test sets, one after another; if there are several, their ids begin with a number. */
export async function* testSetsOf(
  runs: readonly ExportedRun[],
  { size, wording }: Looks,
  progress: Progress,
): AsyncGenerator<Exported> {
  const tested = testedRuns(runs);
  for (const [i, run] of tested.entries()) {
    const prefix = tested.length === 1 ? "test" : `test${i}`;
    const set = await stored(run);
    const seen = Math.round(Math.sqrt(at(set.images, 0).length / 3));
    if (run.drawnHere) yield* drawnAgain(run, set, { seen, size: size ?? seen, prefix }, wording, progress);
    else yield* asStored(run, set, { seen, size: size ?? seen, prefix }, wording);
  }
}

interface Sizes {
  /** Side in pixels as the model saw them, and as exported. */
  readonly seen: number;
  readonly size: number;
  readonly prefix: string;
}

const fileOf = ({ shared }: ExportedRun): string => path.join(shared, "test.safetensors");

async function stored(run: ExportedRun): Promise<TestSet> {
  const set = decodeTestSet(readTensorFile(fileOf(run)).tensors);
  if (set.images.length > 0) return set;
  throw new InputError(`${fileOf(run)}: contains no image`);
}

async function* drawnAgain(
  run: ExportedRun,
  set: TestSet,
  { seen, size, prefix }: Sizes,
  wording: Wording,
  progress: Progress,
): AsyncGenerator<Exported> {
  const again = await draw(run, seen, progress);
  const { states, questions } = again;
  const same = isDeepStrictEqual(encodeTestSet(again), encodeTestSet(set));
  if (!same) {
    throw new InputError(
      `${fileOf(run)}: is not the test set that this rls3 draws from seed ${run.testSet.seed}; export it by the rls3 that made the run, or leave --split test out`,
    );
  }
  for (const [i, state] of states.entries()) {
    const { png, boxes }: ExportedPicture = await drawn(run, state, size);
    yield { row: rowOf(run, i, prefix, size, wording, at(questions, i), state, boxes), png };
  }
}

async function* asStored(
  run: ExportedRun,
  { images, questions }: TestSet,
  { seen, size, prefix }: Sizes,
  wording: Wording,
): AsyncGenerator<Exported> {
  if (size !== seen) {
    throw new InputError(
      `--size ${size}: the test set of ${run.folder} came from its environment server at ${seen} pixels, and can't be drawn again; leave --size out`,
    );
  }
  for (const [i, image] of images.entries()) {
    yield { row: rowOf(run, i, prefix, size, wording, at(questions, i), null, null), png: await encodePng(image) };
  }
}

function rowOf(
  { world, testSet: { seed } }: ExportedRun,
  index: number,
  prefix: string,
  size: number,
  wording: Wording,
  questions: TestSet["questions"][number],
  state: DrawnSet["states"][number] | null,
  boxes: ExportedPicture["boxes"],
): Exported["row"] {
  const id = `${prefix}-${String(index).padStart(5, "0")}`;
  return testRow({ world, seed }, state, questions, { id, split: "test", size, boxes }, wording);
}

/** Draws the test set like the run's preparation. */
const draw = (
  { world, testSet: { seed, scenes, perRelation } }: ExportedRun,
  size: number,
  progress: Progress,
): Promise<DrawnSet> =>
  closing(async (opening) => {
    const served = ({ imageSize = size }: SessionWishes) => roomsDefinition(world.catalog, { imageSize });
    const server = await opening(
      EnvironmentServer.bind(served, { endpoint: "tcp://127.0.0.1:*", envCount: PREPARATION_ENVIRONMENTS }),
    );
    const client = await EnvironmentClient.connect({ endpoint: server.endpoint, imageSize: size });
    const environments = await opening(new EnvironmentLink(client, world, PREPARATION_ENVIRONMENTS, undefined));
    return balancedSet(drawingFrom(environments, progress, scenes), "test", seed, perRelation);
  });
