/**
 * @file Replay behind one interface: uniform, prioritized (Schaul et al. 2016) and LAP (Fujimoto et al. 2020). A ring
 * of rows: when it is full, the oldest is overwritten.
 */
import { at, only } from "../at.js";
import { InputError } from "../errors.js";
import type { Random } from "../random/random.js";
import { type ColumnArray, type ColumnArrays, Columns, type Schema } from "./columns.js";
import { PriorityTree } from "./priority-tree.js";

export const REPLAY_KINDS = ["prioritized", "lap", "uniform"] as const;
export type ReplayKind = (typeof REPLAY_KINDS)[number];

export interface ReplayOptions {
  readonly kind: ReplayKind;
  /** Rows. */
  readonly capacity: number;
  readonly schema: Schema;
  /** a in p = (|δ| + ε)^a; LAP: p = max(|δ|, floor)^a. */
  readonly priorityExponent?: number;
  /** ε, so that a row with zero error can still be drawn. */
  readonly priorityOffset?: number;
  /** LAP's smallest |δ|: below it the Huber loss is quadratic, and all rows are equally likely. */
  readonly priorityFloor?: number;
}

export interface Sample {
  /** Rows drawn, with repeats. */
  readonly indices: Int32Array;
  /** Importance weights; 1 is the largest in the whole buffer. All are 1 for LAP and uniform. */
  readonly weights: Float32Array;
  /** The next sample of the same size overwrites them. */
  readonly columns: ColumnArrays;
}

/** What a checkpoint stores. A replay restored from it continues exactly as the saved one would have. */
export type ReplayState = Readonly<Record<string, ColumnArray>>;

export interface Replay {
  readonly kind: ReplayKind;
  readonly capacity: number;
  readonly size: number;
  /** Memory taken, in bytes. */
  readonly bytes: number;
  /** Appends `count` rows and returns their indices. Without errors, the rows get the largest priority so far. */
  add(rows: ColumnArrays, count: number, errors?: ArrayLike<number>): Int32Array;
  /** Drops the oldest `count` rows, or all. */
  forget(count: number): void;
  /** Draws `count` rows with repeats; `correction` is b in w = (N·P)^−b / max w; `names` picks columns. */
  sample(count: number, random: Random, correction: number, names?: readonly string[]): Sample;
  /** Sets new errors |δ| of rows; rows that were dropped since they were drawn stay dropped. */
  update(indices: Int32Array, errors: ArrayLike<number>): void;
  /** One row's elements of a column, as a view: for reading, or for filling a derived column. */
  row(name: string, index: number): ColumnArray;
  /** The index of the i-th oldest row. */
  indexOf(age: number): number;
  state(): ReplayState;
  restore(state: ReplayState): void;
}

/** The bytes that `createReplay` will allocate, so that they can be shown beforehand. */
export function replayBytes({ kind, capacity, schema }: ReplayOptions): number {
  return Columns.bytes(schema, capacity) + (kind === "uniform" ? 0 : PriorityTree.bytes(capacity));
}

export function createReplay(options: ReplayOptions): Replay {
  if (!Number.isSafeInteger(options.capacity) || options.capacity < 1) {
    throw new InputError(`replay capacity must be a positive integer, not ${options.capacity}`);
  }
  return options.kind === "uniform" ? new Ring(options) : new PrioritizedReplay(options);
}

/** b of the importance weights, annealed from `start` to 1 over `updates` (Schaul et al., section 3.4). */
export function annealedCorrection(start: number, update: number, updates: number): number {
  return start + (1 - start) * Math.min(1, update / Math.max(1, updates));
}

/** The ring of rows, drawn uniformly. */
class Ring implements Replay {
  readonly kind: ReplayKind;
  readonly capacity: number;
  protected readonly columns: Columns;
  /** The next row's index, and the number of rows stored. */
  protected next = 0;
  protected count = 0;

  constructor(protected readonly options: ReplayOptions) {
    this.kind = options.kind;
    this.capacity = options.capacity;
    this.columns = new Columns(options.schema, options.capacity);
  }

  get size(): number {
    return this.count;
  }

  get bytes(): number {
    return replayBytes(this.options);
  }

  indexOf(age: number): number {
    return (this.next - this.count + age + this.capacity) % this.capacity;
  }

  row(name: string, index: number): ColumnArray {
    return this.columns.row(name, index);
  }

  add(rows: ColumnArrays, count: number, _errors?: ArrayLike<number>): Int32Array {
    const indices = new Int32Array(count);
    for (let done = 0; done < count; ) {
      const part = Math.min(count - done, this.capacity - this.next);
      this.columns.write(rows, done, this.next, part);
      for (let i = 0; i < part; i++) indices[done + i] = this.next + i;
      this.next = (this.next + part) % this.capacity;
      this.count = Math.min(this.capacity, this.count + part);
      done += part;
    }
    return indices;
  }

  forget(count: number): void {
    this.count -= Math.min(count, this.count);
  }

  sample(count: number, random: Random, _correction: number, names?: readonly string[]): Sample {
    this.requireRows();
    const indices = new Int32Array(count);
    for (let i = 0; i < count; i++) indices[i] = this.indexOf(Math.floor(random.float() * this.count));
    return { indices, weights: new Float32Array(count).fill(1), columns: this.columns.gather(indices, names) };
  }

  update(_indices: Int32Array, _errors: ArrayLike<number>): void {
    // Uniform replay has no priorities.
  }

  state(): ReplayState {
    const rows = this.count === 0 ? 0 : this.next >= this.count ? this.next : this.capacity;
    const columns = Object.entries(this.columns.saved(rows)).map(([name, data]) => [`column.${name}`, data]);
    return { ring: Int32Array.of(this.next, this.count, rows), ...Object.fromEntries(columns) };
  }

  restore(state: ReplayState): void {
    const [next, count, rows] = part(state, "ring");
    // A ring that has wrapped continues at its own end; with another capacity, its rows would be in the wrong order.
    const fits = (next: number, count: number, rows: number): boolean =>
      next < this.capacity && (next < count ? rows === this.capacity : rows <= this.capacity);
    if (next === undefined || count === undefined || rows === undefined || !fits(next, count, rows)) {
      throw new InputError("the saved replay does not fit: it was written with another capacity");
    }
    const columns = Object.entries(this.options.schema).flatMap(([name, { width, derived }]) => {
      if (derived) return [];
      const data = part(state, `column.${name}`);
      if (data.length === rows * width) return [[name, data] as const];
      throw new InputError(
        `the saved replay does not fit: its column "${name}" has ${data.length} numbers, not ${rows} rows of ${width}`,
      );
    });
    this.columns.write(Object.fromEntries(columns), 0, 0, rows);
    this.next = next;
    this.count = count;
  }

  /** Whether the ring has a row at this index. */
  protected holds(index: number): boolean {
    const age = (index - this.next + this.count + this.capacity) % this.capacity;
    return index >= 0 && index < this.capacity && age < this.count;
  }

  protected requireRows(): void {
    if (this.count === 0) throw new RangeError("nothing to sample: the replay is empty");
  }
}

/** Draws rows in proportion to their priorities: one from each of `count` equal segments of the total priority. */
export class PrioritizedReplay extends Ring {
  private readonly tree: PriorityTree;
  private readonly exponent: number;
  private readonly offset: number;
  private readonly floor: number;
  private largest = 1;

  constructor(options: ReplayOptions) {
    super(options);
    const lap = options.kind === "lap";
    this.exponent = options.priorityExponent ?? (lap ? 0.4 : 0.6);
    this.offset = lap ? 0 : (options.priorityOffset ?? 1e-4);
    this.floor = lap ? (options.priorityFloor ?? 1) : 0;
    this.tree = new PriorityTree(options.capacity);
  }

  /** The largest |δ| so far, 1 at the start; it never falls. New rows get it, so that each is drawn soon. */
  get largestError(): number {
    return this.largest;
  }

  /** P(i) of a stored row. */
  probability(index: number): number {
    return this.tree.get(index) / this.tree.sum;
  }

  /** (N·P(i))^−b / max over the buffer = (p_i / min p)^−b. */
  weight(index: number, correction: number): number {
    return (this.tree.get(index) / this.tree.minimum) ** -correction;
  }

  override add(rows: ColumnArrays, count: number, errors?: ArrayLike<number>): Int32Array {
    const indices = super.add(rows, count);
    for (let i = 0; i < count; i++) {
      if (errors === undefined) this.tree.set(indices[i] as number, this.priority(this.largest));
      else this.give(indices[i] as number, errors[i] as number);
    }
    return indices;
  }

  override forget(count: number): void {
    for (let age = 0; age < Math.min(count, this.count); age++) this.tree.clear(this.indexOf(age));
    super.forget(count);
  }

  override update(indices: Int32Array, errors: ArrayLike<number>): void {
    for (let i = 0; i < indices.length; i++) {
      if (this.holds(indices[i] as number)) this.give(indices[i] as number, errors[i] as number);
    }
  }

  override sample(count: number, random: Random, correction: number, names?: readonly string[]): Sample {
    this.requireRows();
    const indices = new Int32Array(count);
    const weights = new Float32Array(count).fill(1);
    const stretch = this.tree.sum / count;
    for (let i = 0; i < count; i++) indices[i] = this.tree.find((i + random.float()) * stretch);
    if (this.kind === "prioritized") {
      for (let i = 0; i < count; i++) weights[i] = this.weight(indices[i] as number, correction);
    }
    return { indices, weights, columns: this.columns.gather(indices, names) };
  }

  override state(): ReplayState {
    const ring = super.state();
    const rows = at(part(ring, "ring"), 2);
    const priorities = Float64Array.from({ length: rows }, (_, index) => this.tree.get(index));
    return {
      ...ring,
      // Doubles as bytes, because checkpoint tensors have no float64.
      priorities: new Uint8Array(priorities.buffer),
      largest: new Uint8Array(Float64Array.of(this.largest).buffer),
    };
  }

  override restore(state: ReplayState): void {
    super.restore(state);
    const priorities = new Float64Array(Uint8Array.from(part(state, "priorities")).buffer);
    for (let index = 0; index < this.capacity; index++) {
      const priority = priorities[index] ?? 0; // rows never written have no priority
      if (priority > 0) this.tree.set(index, priority);
      else if (this.tree.get(index) > 0) this.tree.clear(index);
    }
    this.largest = only(new Float64Array(Uint8Array.from(part(state, "largest")).buffer));
  }

  private give(index: number, error: number): void {
    const size = Math.abs(error);
    if (!(size < Number.POSITIVE_INFINITY)) {
      throw new InputError(
        `the agent's training has diverged: its error at a transition is ${error}; begin anew with a lower --beta`,
      );
    }
    if (size > this.largest) this.largest = size;
    this.tree.set(index, this.priority(size));
  }

  private priority(error: number): number {
    return Math.max(error + this.offset, this.floor) ** this.exponent;
  }
}

function part(state: ReplayState, name: string): ColumnArray {
  const data = state[name];
  if (data === undefined) throw new InputError(`the saved replay lacks "${name}"`);
  return data;
}
