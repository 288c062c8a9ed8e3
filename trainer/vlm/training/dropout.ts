/**
 * @file LoRA's dropout (Hu et al., 2021): in each step, every adapter sees its layer's inputs with some of them at zero
 * and the others scaled up. The choice depends on seed and step alone, so a step can be repeated. A table of masks is
 * drawn once; each step draws a mask from it for each row of each layer.
 */
import { type Graph, gather, multiply, type Value } from "../../graph/index.js";
import { Random } from "../../random/random.js";
import { float32, int32, type Tensors } from "../../tensor.js";
import { lastAxis } from "../layers/axes.js";
import type { Input } from "./program-cache.js";

/** Number of masks to choose from. */
const MASKS = 1024;

/** Prefix of the inputs that say which mask each row of a layer uses. */
const ROWS = "dropout of ";
/** The runtime's variables with the masks for layers with this many inputs. */
const tableName = (inputs: number): string => `dropout masks ${inputs}`;

/** The masks for layers with each number of inputs: 0, or 1 / (1 − share). */
export function dropoutTables(widths: Iterable<number>, share: number, seed: number): Tensors {
  const tables: Record<string, Tensors[string]> = {};
  for (const inputs of new Set(widths)) {
    const random = Random.stream(seed, "dropout masks", inputs);
    const data = Float32Array.from({ length: MASKS * inputs }, () => (random.float() < share ? 0 : 1 / (1 - share)));
    tables[tableName(inputs)] = float32(data, [MASKS, inputs]);
  }
  return tables;
}

/** x [rows, inputs] after the dropout of the adapter at `path`. */
export function dropped(graph: Graph, path: string, x: Value): Value {
  const inputs = lastAxis(x);
  const declared = graph.signature.inputs.find(({ name }) => name === tableName(inputs));
  const table = declared ?? graph.variable(tableName(inputs), [MASKS, inputs]);
  const rows = graph.input(`${ROWS}${path}`, x.shape.slice(0, -1), "int32");
  return multiply(x, gather(table, rows));
}

/** The dropout inputs of a step's graph. */
export function dropoutFeeds(inputs: readonly Input[], random: Random): Tensors {
  return Object.fromEntries(
    inputs
      .filter(({ name }) => name.startsWith(ROWS))
      .map(({ name, shape }) => {
        const length = shape.reduce((product, size) => product * size, 1);
        return [
          name,
          int32(
            Int32Array.from({ length }, () => random.below(MASKS)),
            shape,
          ),
        ];
      }),
  );
}
