/**
 * @file Rows of tokens for the decoder. A row is one question: its prefix (image and prompt) once, then all its
 * answers. Each answer attends to the prefix and to itself. So the prefix is computed once, and an answer costs only
 * its own tokens.
 */
import { at } from "../../at.js";
import { float32, int32, type Tensor, type Tensors } from "../../tensor.js";
import { MASKED } from "../layers/transformer.js";
import type { PromptTokens } from "./network.js";

export interface QuestionRow extends PromptTokens {
  /** Index among the batch's images. */
  readonly image: number;
  /** Each with its end token. */
  readonly answers: readonly Int32Array[];
}

/** Sizes of the rows' graph, each at least the rows' own. */
export interface RowShape {
  readonly images: number;
  readonly rows: number;
  /** Tokens before the image, the same in all rows. */
  readonly before: number;
  readonly imageTokens: number;
  /** Cells for the rest of the prompt. */
  readonly after: number;
  /** Cells for the answers' tokens, without each answer's last token: nothing follows it. */
  readonly answerCells: number;
  /** Tokens of the answers; each one is predicted. */
  readonly targets: number;
}

/** What the decoder's cells may attend to. */
export interface Sight {
  readonly prefixSeesItself: boolean;
  /** Of sliding-window layers; null: there are none. */
  readonly window: number | null;
}

export const prefixCells = ({ before, imageTokens, after }: RowShape): number => before + imageTokens + after;
export const cellsOf = (shape: RowShape): number => prefixCells(shape) + shape.answerCells;

/** Number of real tokens in a row's prefix. */
export const prefixLength = ({ before, after }: PromptTokens, imageTokens: number): number =>
  before.length + imageTokens + after.length;

/** Rounds up in steps of an eighth: few sizes, so that few graphs are built, with little padding. */
export function stepped(count: number): number {
  const step = Math.max(1, 2 ** (Math.floor(Math.log2(Math.max(1, count))) - 3));
  return Math.ceil(count / step) * step;
}

/** Cells of prompts and answers: multiples of four up to 32, then steps of a quarter. */
function cellStep(count: number): number {
  const step = Math.max(4, 2 ** (Math.floor(Math.log2(Math.max(1, count))) - 2));
  return Math.ceil(count / step) * step;
}

/** The shape for rows, padded to the longest in the batch. */
export function rowShape(rows: readonly QuestionRow[], images: number, imageTokens: number): RowShape {
  const longest = (of: (row: QuestionRow) => number): number => Math.max(...rows.map(of));
  const answerCells = cellStep(longest(({ answers }) => answers.reduce((sum, { length }) => sum + length - 1, 0)));
  return {
    images,
    rows: stepped(rows.length),
    before: longest(({ before }) => before.length),
    imageTokens,
    after: cellStep(longest(({ after }) => after.length)),
    answerCells,
    // Not a separate size, which would multiply the graphs: each answer has one token more than cells.
    targets: answerCells + cellStep(longest(({ answers }) => answers.length)),
  };
}

/** A cell's part of its row: the prefix, one of the answers (from 1), or padding. */
const PADDING = -1;
const PREFIX = 0;

/** A row's cells. */
export interface Cells {
  readonly parts: Int32Array;
  /** Counted without padding; an answer's positions continue the prefix's. */
  readonly positions: Int32Array;
}

/** The cells of a row's prefix, then `others` padding cells. */
export function prefixOf(row: PromptTokens, shape: RowShape, others: number): Cells {
  const parts = new Int32Array(prefixCells(shape) + others).fill(PADDING);
  const positions = new Int32Array(parts.length);
  const length = prefixLength(row, shape.imageTokens);
  for (let cell = 0; cell < length; cell++) {
    parts[cell] = PREFIX;
    positions[cell] = cell;
  }
  return { parts, positions };
}

/** Whether a cell (given by the first two arguments) attends to another one. */
export function sees(
  part: number,
  position: number,
  otherPart: number,
  otherPosition: number,
  { prefixSeesItself, window }: Sight,
): boolean {
  if (otherPart === PADDING) return false;
  if (part === PREFIX) return otherPart === PREFIX && (prefixSeesItself || otherPosition <= position);
  if (otherPart !== PREFIX && otherPart !== part) return false;
  return otherPosition <= position && (window === null || position - otherPosition < window);
}

/** Writes the scores to add into `mask` from `start` on: for the queried cells, against all cells of the row. */
function writeMask(mask: Float32Array, start: number, asked: Cells, all: Cells, sight: Sight): void {
  let place = start;
  asked.parts.forEach((part, cell) => {
    const position = at(asked.positions, cell);
    for (let other = 0; other < all.parts.length; other++) {
      const seen = sees(part, position, at(all.parts, other), at(all.positions, other), sight);
      mask[place++] = seen ? 0 : MASKED;
    }
  });
}

/**
 * [rows, 1, queried cells, all cells]: the masks of layers without a window, and of those with one where it cuts
 * something.
 */
function masks(asked: readonly Cells[], all: readonly Cells[], sight: Sight, rows: number): Tensors {
  const [width, height] = [at(all, 0).parts.length, at(asked, 0).parts.length];
  const made = (window: number | null): Float32Array => {
    const mask = new Float32Array(rows * height * width).fill(MASKED);
    asked.forEach((cells, row) => {
      writeMask(mask, row * height * width, cells, at(all, row), { ...sight, window });
    });
    return mask;
  };
  const dims = [rows, 1, height, width];
  const full = { mask: float32(made(null), dims) };
  return isCut(sight, width) ? { ...full, slidingMask: float32(made(sight.window), dims) } : full;
}

/** Whether a window is narrower than the number of cells. */
export const isCut = ({ window }: Sight, cells: number): boolean => window !== null && window < cells;

/** A token of the answers, in the order of a row's answers. */
export interface Target {
  /** The cell in the row whose state predicts the token. */
  readonly cell: number;
  readonly token: number;
  readonly answer: number;
}

export interface PackedRow {
  readonly cells: Cells;
  /** Ids of the text after the image, then of the answers. */
  readonly ids: Int32Array;
  readonly targets: readonly Target[];
}

export function packRow(row: QuestionRow, shape: RowShape): PackedRow {
  const { after, answerCells, imageTokens } = shape;
  const cells = prefixOf(row, shape, answerCells);
  const ids = new Int32Array(after + answerCells);
  ids.set(row.after);
  const start = prefixLength(row, imageTokens);
  const targets: Target[] = [];
  let cell = prefixCells(shape);
  row.answers.forEach((tokens, answer) => {
    tokens.forEach((token, place) => {
      targets.push({ cell: place === 0 ? start - 1 : cell - 1, token, answer });
      if (place === tokens.length - 1) return;
      cells.parts[cell] = answer + 1;
      cells.positions[cell] = start + place;
      ids[cell - shape.before - imageTokens] = token;
      cell++;
    });
  });
  return { cells, ids, targets };
}

/** The inputs of a graph of that shape for rows; further rows are padding. */
export function rowTensors(rows: readonly QuestionRow[], shape: RowShape, sight: Sight): Tensors {
  const packed = rows.map((row) => packRow(row, shape));
  const [text, cells] = [shape.after + shape.answerCells, cellsOf(shape)];
  const ids = new Int32Array(shape.rows * text);
  const positions = new Int32Array(shape.rows * cells);
  const imageOf = new Int32Array(shape.rows);
  const targetCells = new Int32Array(shape.rows * shape.targets);
  const labels = new Int32Array(shape.rows * shape.targets);
  packed.forEach((own, row) => {
    ids.set(own.ids, row * text);
    positions.set(own.cells.positions, row * cells);
    imageOf[row] = at(rows, row).image;
    own.targets.forEach(({ cell, token }, i) => {
      targetCells[row * shape.targets + i] = row * cells + cell;
      labels[row * shape.targets + i] = token;
    });
  });
  const all = packed.map((own) => own.cells);
  return {
    ...(shape.before === 0 ? {} : { before: int32(at(rows, 0).before) }),
    ids: int32(ids, [shape.rows, text]),
    positions: int32(positions, [shape.rows, cells]),
    imageOf: int32(imageOf),
    ...(shape.targets === 0 ? {} : { targetCells: int32(targetCells), labels: int32(labels, [labels.length, 1]) }),
    ...masks(all, all, sight, shape.rows),
  };
}

/** The last cell of each row's prefix, as an index among all cells; the first spoken token follows it. */
export function lastCells(rows: readonly PromptTokens[], shape: RowShape): Tensors {
  const last = new Int32Array(shape.rows);
  rows.forEach((row, r) => {
    last[r] = r * cellsOf(shape) + prefixLength(row, shape.imageTokens) - 1;
  });
  return { lastCells: int32(last) };
}

/** The weights of the answers' tokens in a loss. */
export function lossTensors(
  rows: readonly QuestionRow[],
  shape: RowShape,
  answers: number,
  whole: { readonly tokens: number; readonly questions: number },
): Readonly<Record<"tokenWeights" | "members" | "absent" | "questionWeights", Tensor>> {
  const { rows: count, targets } = shape;
  const tokenWeights = new Float32Array(count * targets);
  const members = new Float32Array(count * answers * targets);
  const absent = new Float32Array(count * answers).fill(MASKED);
  const questionWeights = new Float32Array(count);
  rows.forEach((row, r) => {
    questionWeights[r] = 1 / whole.questions;
    let place = 0;
    row.answers.forEach(({ length }, answer) => {
      absent[r * answers + answer] = 0;
      for (let i = 0; i < length; i++, place++) {
        if (answer === 0) tokenWeights[r * targets + place] = 1 / whole.tokens;
        members[(r * answers + answer) * targets + place] = 1;
      }
    });
  });
  return {
    tokenWeights: float32(tokenWeights, [count, targets]),
    members: float32(members, [count, answers, targets]),
    absent: float32(absent, [count, answers]),
    questionWeights: float32(questionWeights),
  };
}

/** The state of speaking: the rows' prefixes, and room for this many tokens. */
export interface Speaking {
  readonly shape: RowShape;
  readonly room: number;
}

/** What is stored for speaking rows; graphs of the next token depend on nothing else. */
export interface Kept {
  readonly rows: number;
  readonly prefix: number;
  readonly room: number;
}

export const keptOf = ({ shape, room }: Speaking): Kept => ({ rows: shape.rows, prefix: prefixCells(shape), room });

/** The inputs of the next-token graph after `spoken` tokens; `last` are the newest of them. */
export function nextTensors(
  rows: readonly PromptTokens[],
  { shape, room }: Speaking,
  sight: Sight,
  last: Int32Array,
  spoken: number,
): Tensors {
  const count = shape.rows;
  const slot = prefixCells(shape) + spoken - 1;
  const positions = new Int32Array(count);
  const all = rows.map((row, r): Cells => {
    const cells = prefixOf(row, shape, room);
    const length = prefixLength(row, shape.imageTokens);
    for (let i = 0; i < spoken; i++) {
      cells.parts[prefixCells(shape) + i] = 1;
      cells.positions[prefixCells(shape) + i] = length + i;
    }
    positions[r] = length + spoken - 1;
    return cells;
  });
  const asked = all.map(({ parts, positions: places }) => ({
    parts: parts.slice(slot, slot + 1),
    positions: places.slice(slot, slot + 1),
  }));
  const here = new Uint8Array(room);
  here[spoken - 1] = 1;
  return {
    ids: int32(last, [count, 1]),
    positions: int32(positions, [count, 1]),
    slot: { type: "bool", dims: [1, 1, here.length, 1], data: here },
    ...masks(asked, all, sight, count),
  };
}
