/**
 * @file Shared by the comparisons of a generative model with its reference numbers: the model, the reference's rows,
 * and where their tokens are here.
 */
import { z } from "zod";
import { at } from "../../at.js";
import type { SafetensorsFile } from "../../files/safetensors.js";
import type { Tensor } from "../../tensor.js";
import { adamwSchema } from "../verification/adapter-run.js";
import type { Comparison } from "../verification/comparison.js";
import { type Bench, rowsOf } from "../verification/run-once.js";
import type { GenerativeNetwork } from "./network.js";
import { prefixCells, prefixLength, type QuestionRow, type RowShape } from "./rows.js";

export const metaSchema = z
  .looseObject({
    prompts: z.array(z.string()),
    suffixes: z.array(z.string()).optional(),
    answers: z.array(z.string()).optional(),
    adamw: adamwSchema.default({ lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.01 }),
    lora: z.looseObject({ losses: z.array(z.number()).optional(), loss: z.number().optional() }),
    generate: z.looseObject({ new_tokens: z.number().int(), stopped_eos_token_id: z.number().int().optional() }),
  })
  .transform((meta) => ({
    ...meta,
    answers: meta.answers ?? meta.suffixes ?? [],
    losses: meta.lora.losses ?? (meta.lora.loss === undefined ? [] : [meta.lora.loss]),
  }));

export interface Context extends Bench {
  readonly golden: string;
  readonly network: GenerativeNetwork;
  readonly comparison: Comparison;
  readonly meta: z.infer<typeof metaSchema>;
  readonly patches: Tensor;
  /** One question per image, with the reference's answer. */
  readonly rows: readonly QuestionRow[];
  readonly shape: RowShape;
}

export const TOLERANCES = { features: 2e-4, block: 5e-4, logits: 2e-4, loss: 1e-5 };

/** The real tokens of a reference row: the first one's position, and their number. */
export interface RealTokens {
  readonly first: number;
  readonly count: number;
}

export const realTokens = (file: SafetensorsFile, name: string): RealTokens[] =>
  rowsOf(file, name).map((mask) => ({
    first: mask.indexOf(1),
    count: mask.reduce((sum, value) => sum + value, 0),
  }));

/** The cell of a row's real token number `token`; the reference's answer is the row's first. */
export function cellOf(row: QuestionRow, shape: RowShape, token: number): number {
  const length = prefixLength(row, shape.imageTokens);
  return token < length ? token : prefixCells(shape) + token - length;
}

/**
 * The real tokens in [rows · cells, width] here and in [rows, tokens, width] there, without each row's last token:
 * nothing follows it, so it has no cell.
 */
export function alike(
  { rows, shape, comparison }: Context,
  name: string,
  actual: Float32Array,
  expected: Float32Array,
  real: readonly RealTokens[],
  tolerance: number,
): void {
  const width = actual.length / (shape.rows * cellsIn(shape));
  const length = expected.length / (rows.length * width);
  const [ours, theirs]: [number[], number[]] = [[], []];
  real.forEach(({ first, count }, r) => {
    for (let token = 0; token < count - 1; token++) {
      const cell = r * cellsIn(shape) + cellOf(at(rows, r), shape, token);
      ours.push(...actual.subarray(cell * width, (cell + 1) * width));
      const place = r * length + first + token;
      theirs.push(...expected.subarray(place * width, (place + 1) * width));
    }
  });
  comparison.close(name, ours, theirs, tolerance);
}

const cellsIn = (shape: RowShape): number => prefixCells(shape) + shape.answerCells;
