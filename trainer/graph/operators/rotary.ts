/** @file Rotary position embedding. */
import { applyOne, type Operator, type Value } from "../graph.js";
import { lengthOf, showShape } from "../shapes.js";
import { negate } from "./arithmetic.js";
import { cast } from "./structure.js";

const turning: Operator<undefined> = {
  name: "RotaryEmbedding",
  forward: ([x, positions, ...tables]) => {
    const [input, places] = [x as Value, cast(positions as Value, "int64")];
    return input.graph.emit("RotaryEmbedding", [input, places, ...tables], [input]);
  },
  // The same rotation backwards.
  gradient: ({ dy, inputs }) => {
    const [, positions, cos, sin] = inputs as [Value, Value, Value, Value];
    return [applyOne(turning, [dy, positions, cos, negate(sin)], undefined)];
  },
};

/**
 * Cosine and sine of every position's angles, [positions, size / 2], without gradient. A factor on both multiplies the
 * result.
 */
export interface RotaryTables {
  readonly cos: Value;
  readonly sin: Value;
}

/**
 * Rotary position embedding (Su et al., 2021), pairing the halves of a head as in Llama: rotates x [rows, heads, cells,
 * size] by the tables' angles at `positions`, int32 [rows, cells].
 */
export function rotary(x: Value, positions: Value, { cos, sin }: RotaryTables): Value {
  const half = lengthOf(x.shape, -1) / 2;
  if (x.shape.length !== 4 || lengthOf(cos.shape, -1) !== half || lengthOf(sin.shape, -1) !== half) {
    throw new RangeError(`tables ${showShape(cos.shape)} do not turn ${showShape(x.shape)}`);
  }
  return applyOne(turning, [x, positions, cos, sin], undefined);
}
