/**
 * @file Compares greedy answers with the reference's: what each step attends to, the tokens, and the largest logits.
 */
import path from "node:path";
import { at } from "../../at.js";
import { SafetensorsFile } from "../../files/safetensors.js";
import { floats, type Tensor, type Tensors } from "../../tensor.js";
import { scopeOf } from "../layers/scope.js";
import { patchesInput } from "../training/image-front.js";
import type { Built } from "../training/program-cache.js";
import { type Bench, rowsOf, runOnce } from "../verification/run-once.js";
import type { Trainable } from "../weights/parameters.js";
import { storedParameters } from "../weights/parameters.js";
import { type Context, type RealTokens, realTokens, TOLERANCES } from "./check-context.js";
import { beginProgram, nextProgram, sightOf } from "./programs.js";
import {
  type Cells,
  keptOf,
  lastCells,
  nextTensors,
  prefixCells,
  prefixLength,
  prefixOf,
  type QuestionRow,
  rowShape,
  rowTensors,
  type Speaking,
  sees,
} from "./rows.js";

/** Rows with the prompts alone. */
const askedRows = ({ rows }: Context): QuestionRow[] => rows.map((row) => ({ ...row, answers: [] }));

function speakingOf({ network, meta }: Context, rows: readonly QuestionRow[]): Speaking {
  const shape = { ...rowShape(rows, rows.length, network.imageTokens), rows: rows.length };
  return { shape, room: meta.generate.new_tokens };
}

interface Spoken {
  /** [rows][step] */
  readonly ids: readonly (readonly number[])[];
  /** By step; [rows · vocabulary] each. */
  readonly logits: readonly Float32Array[];
}

async function runs({ runtime }: Bench, { model, binding }: Built, feeds: Tensors): Promise<Tensors> {
  const program = await runtime.load(model, binding);
  try {
    return await program.run(feeds);
  } finally {
    await program.release();
  }
}

/** Generates `steps` tokens for each row, ignoring the end token. */
async function speak(context: Context, features: Tensor, trainable: Trainable | null, steps: number): Promise<Spoken> {
  const { network, parameters, runtime } = context;
  const rows = askedRows(context);
  const speaking = speakingOf(context, rows);
  const source = { network, parameters, trainable };
  const sight = sightOf(network);
  const ids: number[][] = rows.map(() => []);
  const logits: Float32Array[] = [];
  const take = (found: Tensors): Int32Array => {
    logits.push(floats(found, "logits"));
    const token = found["token"]?.data as Int32Array;
    ids.forEach((own, row) => {
      own.push(at(token, row));
    });
    return token;
  };
  const begun = { features, ...rowTensors(rows, speaking.shape, sight), ...lastCells(rows, speaking.shape) };
  let last = take(await runs(context, beginProgram(source, speaking), begun));
  if (steps === 1) return { ids, logits };
  const { model, binding } = nextProgram(source, keptOf(speaking));
  const program = await runtime.load(model, binding);
  try {
    for (let spoken = 1; spoken < steps; spoken++) {
      last = take(await program.run(nextTensors(rows, speaking, sight, last, spoken)));
    }
  } finally {
    await program.release();
  }
  return { ids, logits };
}

/** The features of the reference's images, [images · tokens, width]. */
async function features(context: Context): Promise<Tensor> {
  const { network, parameters, patches } = context;
  const found = await runOnce(
    context,
    (graph) => {
      const scope = scopeOf(graph, storedParameters(graph, parameters));
      graph.output("features", network.image(scope, patchesInput(graph, network, at(patches.dims, 0))));
    },
    { patches },
  );
  const made = found["features"];
  if (made === undefined) throw new Error("the image network has no output");
  return made;
}

/** The images shifted by one: question i gets image i − 1. */
function rolled({ data, dims }: Tensor, images: number): Tensor {
  const all = data as Float32Array;
  const each = all.length / images;
  const turned = new Float32Array(all.length);
  for (let image = 0; image < images; image++) {
    const from = ((image + images - 1) % images) * each;
    turned.set(all.subarray(from, from + each), image * each);
  }
  return { type: "float32", dims, data: turned };
}

function compareSpoken(
  { comparison }: Context,
  expected: SafetensorsFile,
  kind: string,
  { ids, logits }: Spoken,
): void {
  comparison.close(`${kind} ids`, ids.flat(), expected.readIntegers(`${kind}.ids`), 0);
  const [, steps = 0, top = 0] = expected.shape(`${kind}.top5_ids`);
  const ranks: number[] = [];
  const values: number[] = [];
  ids.forEach((_, row) => {
    for (let step = 0; step < steps; step++) {
      const all = at(logits, step);
      const vocabulary = all.length / ids.length;
      const own = all.subarray(row * vocabulary, (row + 1) * vocabulary);
      const order = Array.from(own.keys()).sort((a, b) => at(own, b) - at(own, a));
      for (const id of order.slice(0, top)) {
        ranks.push(id);
        values.push(at(own, id));
      }
    }
  });
  comparison.close(`${kind} largest logits`, values, expected.readFloats(`${kind}.top5_logits`), TOLERANCES.logits);
  // Two ids may swap places where their logits differ only by rounding.
  const reference = expected.readFloats(`${kind}.top5_logits`);
  const close = (i: number): boolean =>
    [i - 1, i + 1].some(
      (other) =>
        Math.floor(other / top) === Math.floor(i / top) &&
        Math.abs((reference[other] ?? Number.NaN) - at(reference, i)) < 2 * TOLERANCES.logits,
    );
  comparison.close(`${kind} largest ids`, ranks, expected.readIntegers(`${kind}.top5_ids`), (i) =>
    close(i) ? Number.MAX_VALUE : 0,
  );
}

/** With another end token, the reference says the same up to it, then pads. */
function compareStopped({ comparison, meta }: Context, expected: SafetensorsFile, { ids }: Spoken): void {
  const end = meta.generate.stopped_eos_token_id;
  if (end === undefined) return;
  rowsOf(expected, "stopped.ids").forEach((theirs, row) => {
    const ours = at(ids, row);
    const stop = ours.indexOf(end);
    const length = stop < 0 ? ours.length : stop + 1;
    comparison.close(`stopped ids of row ${row}`, ours.slice(0, length), theirs.slice(0, length), 0);
  });
}

/** What the queried cells attend to, 0 or 1, among a row's real tokens and the spoken ones. */
function seen(context: Context, row: QuestionRow, spoken: number, window: number | null): number[] {
  const { network } = context;
  const shape = rowShape([row], 1, network.imageTokens);
  const cells = prefixOf(row, shape, spoken);
  const length = prefixLength(row, network.imageTokens);
  for (let i = 0; i < spoken; i++) {
    cells.parts[prefixCells(shape) + i] = 1;
    cells.positions[prefixCells(shape) + i] = length + i;
  }
  const real = [...cells.parts.keys()].filter((cell) => at(cells.parts, cell) >= 0);
  const asked = spoken === 0 ? real : real.slice(-1);
  return asked.flatMap((cell) => real.map((other) => Number(look(cells, cell, other, context, window))));
}

const look = (cells: Cells, cell: number, other: number, { network }: Context, window: number | null): boolean =>
  sees(at(cells.parts, cell), at(cells.positions, cell), at(cells.parts, other), at(cells.positions, other), {
    prefixSeesItself: network.prefixSeesItself,
    window,
  });

/** Masks and positions of the prefill and of the first steps. */
function compareSight(context: Context, expected: SafetensorsFile, real: readonly RealTokens[]): void {
  const { rows, comparison, network } = context;
  for (const name of expected.tensors.keys()) {
    const [, kind, call] = /^mask\.(\w+)\.(\d)$/.exec(name) ?? [];
    if (kind === undefined) continue;
    const spoken = Number(call);
    const mask = expected.readIntegers(name);
    const [, , asked = 0, keys = 0] = expected.shape(name);
    real.forEach(({ first, count }, r) => {
      const all = first + count + spoken;
      const theirs: number[] = [];
      for (let q = spoken === 0 ? first : 0; q < asked; q++) {
        // A cut cache holds only the last keys; earlier ones are not attended to.
        for (let k = first; k < all; k++) {
          const column = k - (all - keys);
          theirs.push(column < 0 ? 0 : at(mask, (r * asked + q) * keys + column));
        }
      }
      const window = kind === "sliding_attention" ? network.decoder.window : null;
      comparison.close(`${name} of row ${r}`, seen(context, at(rows, r), spoken, window), theirs, 0);
    });
  }
  for (let spoken = 0; expected.tensors.has(`position_ids.${spoken}`); spoken++) {
    rowsOf(expected, `position_ids.${spoken}`).forEach((theirs, r) => {
      const { first, count } = at(real, r);
      // The reference counts from 1. That changes nothing: rotary positions encode differences.
      const ours = spoken === 0 ? Array.from({ length: count }, (_, i) => i + 1) : [count + spoken];
      const own = spoken === 0 ? theirs.slice(first, first + count) : theirs;
      comparison.close(`position_ids.${spoken} of row ${r}`, ours, own, 0);
    });
  }
}

/** `adapter`: the parameters it trains; `use` loads the values of a kind into the runtime. */
export async function checkSpeech(
  context: Context,
  adapter: Trainable,
  use: (kind: "lora" | "lora_trained") => Promise<void>,
): Promise<void> {
  const { golden, rows, comparison, meta } = context;
  const expected = SafetensorsFile.open(path.join(golden, "generate.safetensors"));
  const steps = meta.generate.new_tokens;
  const images = await features(context);
  compareSight(context, expected, realTokens(expected, "input.attention_mask"));
  const base = await speak(context, images, null, steps);
  compareSpoken(context, expected, "base", base);
  compareStopped(context, expected, base);
  for (const kind of ["lora", "lora_trained"] as const) {
    if (!expected.tensors.has(`${kind}.ids`)) continue;
    await use(kind);
    compareSpoken(context, expected, kind, await speak(context, images, adapter, steps));
  }
  const first = (spoken: Spoken): Float32Array => at(spoken.logits, 0);
  comparison.close("first_logits", first(base), expected.readFloats("first_logits"), TOLERANCES.logits);
  const turned = await speak(context, rolled(images, rows.length), null, 1);
  const name = "first_logits.images_rolled";
  comparison.close(name, first(turned), expected.readFloats(name), TOLERANCES.logits);
}
