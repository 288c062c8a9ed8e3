/**
 * @file Struct-of-arrays storage: one typed array per column, one row per transition. After construction, only a larger
 * batch allocates memory.
 */

export type ColumnArray = Float32Array | Int32Array | Uint8Array;

export interface ColumnSpec {
  readonly type: "float32" | "int32" | "uint8";
  /** Elements per row. */
  readonly width: number;
  /** Can be computed from the other columns, so the saved state leaves it out. */
  readonly derived?: boolean;
}

export type Schema = Readonly<Record<string, ColumnSpec>>;
export type ColumnArrays = Readonly<Record<string, ColumnArray>>;

const BYTES = { float32: 4, int32: 4, uint8: 1 } as const;

function allocate({ type, width }: ColumnSpec, rows: number): ColumnArray {
  if (type === "float32") return new Float32Array(rows * width);
  return type === "int32" ? new Int32Array(rows * width) : new Uint8Array(rows * width);
}

/** Floats in a cache line. */
const LINE = 16;

/**
 * Takes Float32Array only, so that the compiler emits plain loads and stores; nearly all gathered data is float32. A
 * first pass loads the rows' cache lines: these loads do not wait for each other, which halves the time for a buffer
 * larger than the cache. Returns the sum of that pass, or the compiler would remove it.
 */
function gatherRows(data: Float32Array, width: number, indices: Int32Array, out: Float32Array): number {
  let touched = 0;
  for (let i = 0; i < indices.length; i++) {
    const start = (indices[i] as number) * width;
    for (let j = start; j < start + width; j += LINE) touched += data[j] as number;
  }
  let to = 0;
  for (let i = 0; i < indices.length; i++) {
    const start = (indices[i] as number) * width;
    for (let j = start; j < start + width; j++) out[to++] = data[j] as number;
  }
  return touched;
}

export class Columns {
  private readonly arrays: ReadonlyMap<string, { readonly spec: ColumnSpec; readonly data: ColumnArray }>;
  /** The last gathered batch, by column. */
  private readonly gathered = new Map<string, ColumnArray>();

  constructor(
    readonly schema: Schema,
    readonly capacity: number,
  ) {
    this.arrays = new Map(
      Object.entries(schema).map(([name, spec]) => [name, { spec, data: allocate(spec, capacity) }]),
    );
  }

  static bytes(schema: Schema, capacity: number): number {
    return Object.values(schema).reduce((sum, { type, width }) => sum + BYTES[type] * width * capacity, 0);
  }

  /** The elements of one row: a view, not a copy. */
  row(name: string, index: number): ColumnArray {
    const { spec, data } = this.column(name);
    return data.subarray(index * spec.width, (index + 1) * spec.width);
  }

  /** Copies `count` rows of `source`, from row `from`, to row `to`. */
  write(source: ColumnArrays, from: number, to: number, count: number): void {
    for (const [name, { spec, data }] of this.arrays) {
      const rows = source[name];
      if (rows === undefined) {
        if (spec.derived) continue;
        throw new RangeError(`rows for the replay lack the column "${name}"`);
      }
      if (rows.length < (from + count) * spec.width) {
        throw new RangeError(
          `column "${name}" has ${rows.length} elements, too few for ${from + count} rows of ${spec.width}`,
        );
      }
      data.set(rows.subarray(from * spec.width, (from + count) * spec.width), to * spec.width);
    }
  }

  /**
   * The rows at `indices`, one array per column; the next call for the same number of rows overwrites them. `names`
   * selects columns.
   */
  gather(indices: Int32Array, names: readonly string[] = [...this.arrays.keys()]): ColumnArrays {
    const columns: Record<string, ColumnArray> = {};
    for (const name of names) {
      const { spec, data } = this.column(name);
      const { width } = spec;
      const before = this.gathered.get(name);
      const out = before?.length === indices.length * width ? before : allocate(spec, indices.length);
      this.gathered.set(name, out);
      if (data instanceof Float32Array && out instanceof Float32Array) gatherRows(data, width, indices, out);
      else {
        for (let i = 0; i < indices.length; i++) {
          const start = (indices[i] as number) * width;
          out.set(data.subarray(start, start + width), i * width);
        }
      }
      columns[name] = out;
    }
    return columns;
  }

  /** Copies of the first `rows` rows of every column that is not derived. */
  saved(rows: number): ColumnArrays {
    return Object.fromEntries(
      [...this.arrays]
        .filter(([, { spec }]) => !spec.derived)
        .map(([name, { spec, data }]) => [name, data.slice(0, rows * spec.width)]),
    );
  }

  private column(name: string): { readonly spec: ColumnSpec; readonly data: ColumnArray } {
    const column = this.arrays.get(name);
    if (column === undefined) throw new RangeError(`the replay has no column "${name}"`);
    return column;
  }
}
