/**
 * @file A decoder with Gemma 2B's layer shape: reading prefixes, generating tokens with a cache, and steps of LoRA,
 * each with its own matrix products as the floor.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { layoutSize, startRuntime } from "../../../trainer/graph/index.js";
import { matMulFloor } from "../../../trainer/graph/matmul-floor.js";
import type { Program, Runtime } from "../../../trainer/graph/runtime.js";
import { Random } from "../../../trainer/random/random.js";
import { float32, scalar, type Tensors } from "../../../trainer/tensor.js";
import {
  answersLoss,
  beginProgram,
  type GenerativeSource,
  nextProgram,
  sightOf,
} from "../../../trainer/vlm/generative/programs.js";
import {
  keptOf,
  lastCells,
  lossTensors,
  nextTensors,
  type QuestionRow,
  type RowShape,
  rowShape,
  rowTensors,
} from "../../../trainer/vlm/generative/rows.js";
import { paligemmaNetwork } from "../../../trainer/vlm/paligemma/architecture.js";
import { readPaliGemmaConfig } from "../../../trainer/vlm/paligemma/config.js";
import type { Built } from "../../../trainer/vlm/training/program-cache.js";
import { TRAINED } from "../../../trainer/vlm/training/source.js";
import { stepProgram } from "../../../trainer/vlm/training/steps.js";
import { freshAdapter, loraTrainable, type Trainable } from "../../../trainer/vlm/weights/parameters.js";
import { record } from "../../../trainer/vlm/weights/recording.js";
import { StoredWeights } from "../../../trainer/vlm/weights/stored-weights.js";
import { makeModel } from "../model-shapes.js";
import { type Benchmark, bestPair, type Measurement } from "./benchmark.js";

const THREADS = 2;
/** After the image's 256 tokens. */
const PROMPT = 20;
const ANSWER = 8;
/** The most tokens to generate. */
const ROOM = 32;
const RANK = 8;
const SECONDS = 0.4;
const REPETITIONS = 5;

/** Each row has a question about its own image. */
const questions = (count: number): QuestionRow[] =>
  Array.from({ length: count }, (_, image) => ({
    image,
    before: new Int32Array(),
    after: new Int32Array(PROMPT).map((__, i) => 7 + i + image),
    answers: [new Int32Array(ANSWER).map((__, i) => 30 + i + image)],
  }));

function features({ images, imageTokens }: RowShape, width: number): Tensors {
  const random = new Random(3);
  const data = Float32Array.from({ length: images * imageTokens * width }, () => 0.5 * random.normal());
  return { features: float32(data, [images * imageTokens, width]) };
}

/** A program and the inputs of a run, made anew for each run. */
interface Work {
  readonly built: Built;
  /** The runtime's variables at the start. */
  readonly variables: Tensors;
  readonly before: readonly { readonly built: Built; readonly feeds: Tensors }[];
  readonly feeds: () => Tensors;
}

interface Subject {
  readonly name: string;
  readonly rows: number;
  readonly note: string;
  readonly work: (source: GenerativeSource, rows: number) => Work;
}

const read: Subject["work"] = (source, count) => {
  const { network } = source;
  const rows = questions(count);
  const shape = { ...rowShape(rows, count, network.imageTokens), answerCells: 0, targets: 0 };
  const asked = rows.map((row) => ({ ...row, answers: [] }));
  const pictures = features(shape, network.decoder.width);
  return {
    built: beginProgram(source, { shape, room: ROOM }),
    variables: {},
    before: [],
    feeds: () => ({ ...pictures, ...rowTensors(asked, shape, sightOf(network)), ...lastCells(asked, shape) }),
  };
};

const speak: Subject["work"] = (source, count) => {
  const begun = read(source, count);
  const { network } = source;
  const rows = questions(count);
  const shape = { ...rowShape(rows, count, network.imageTokens), answerCells: 0, targets: 0 };
  const speaking = { shape, room: ROOM };
  const last = new Int32Array(count).fill(9);
  let spoken = 0;
  return {
    built: nextProgram(source, keptOf(speaking)),
    variables: {},
    before: [{ built: begun.built, feeds: begun.feeds() }],
    feeds: () => {
      spoken = (spoken % (ROOM - 1)) + 1;
      return nextTensors(rows, speaking, sightOf(network), last, spoken);
    },
  };
};

const tune: Subject["work"] = (source, count) => {
  const { network, parameters } = source;
  const lora = {
    rank: RANK,
    alpha: 2 * RANK,
    targets: network.defaultTargets,
    rankStabilized: false,
    dropout: 0,
    rankPattern: {},
    alphaPattern: {},
  };
  const trainable: Trainable = loraTrainable(parameters, lora);
  const rows = questions(count);
  const shape = rowShape(rows, count, network.imageTokens);
  const size = layoutSize(trainable.layout);
  const pictures = features(shape, network.decoder.width)["features"];
  if (pictures === undefined) throw new Error("no features");
  const front = "projector";
  const whole = { tokens: count * ANSWER, questions: count };
  return {
    built: stepProgram(
      { ...source, trainable },
      { loss: (scope) => answersLoss(scope, network, shape, 1, "answer", front), front },
      { weightDecay: 0.01, gradientClip: 1 },
    ),
    variables: {
      [TRAINED]: float32(freshAdapter(trainable, new Random(4))),
      [`${TRAINED}.first`]: float32(new Float32Array(size)),
      [`${TRAINED}.second`]: float32(new Float32Array(size)),
      [`${TRAINED}.step`]: scalar(0),
    },
    before: [],
    feeds: () => {
      const { tokenWeights } = lossTensors(rows, shape, 1, whole);
      if (tokenWeights === undefined) throw new Error("no weights of tokens");
      return {
        front: pictures,
        ...rowTensors(rows, shape, sightOf(network)),
        tokenWeights,
        learningRate: scalar(1e-4),
      };
    },
  };
};

const SUBJECTS: readonly Subject[] = [
  { name: "prefill-1", rows: 1, note: "256 image tokens and 20 of text", work: read },
  { name: "prefill-4", rows: 4, note: "256 image tokens and 20 of text each", work: read },
  { name: "next-1", rows: 1, note: "a token after 276 stored ones", work: speak },
  { name: "next-8", rows: 8, note: "a token for each after 276 stored ones", work: speak },
  { name: "step-2", rows: 2, note: `LoRA of rank ${RANK} on all seven projections`, work: tune },
];

async function load(runtime: Runtime, { model, binding }: Built): Promise<Program> {
  return runtime.load(model, binding);
}

async function measure({ rows, note, work }: Subject): Promise<Measurement> {
  const folder = mkdtempSync(path.join(tmpdir(), "rls3-bench-"));
  const runtime = await startRuntime({ device: "cpu", threads: THREADS });
  try {
    const directory = makeModel(folder, "gemma-2b-2-layers", "F32");
    const network = paligemmaNetwork(readPaliGemmaConfig(directory));
    const weights = StoredWeights.open(directory);
    const { built, variables, before, feeds } = work(
      { network, parameters: { ...record(network.declare), weights }, trainable: null },
      rows,
    );
    const floor = await matMulFloor(built.graph.products(), THREADS);
    try {
      await runtime.set(variables);
      for (const first of before) await (await load(runtime, first.built)).run(first.feeds, []);
      const program = await load(runtime, built);
      const counted = (run: () => Promise<unknown>) => async () => {
        await run();
        return rows;
      };
      const run = (): Promise<unknown> => program.run(feeds());
      const pair = await bestPair(counted(run), counted(floor.run), SECONDS, REPETITIONS);
      return { ...pair, note: `${note}; ${floor.gigaFlop.toFixed(2)} GFLOP`, shapes: floor.shapes };
    } finally {
      await floor.close();
    }
  } finally {
    await runtime.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export const benchmarks: readonly Benchmark[] = SUBJECTS.map((subject) => ({
  name: `vlm.decoder.${subject.name}`,
  counts: "rows",
  measure: () => measure(subject),
}));
