/** @file Checks of batches: rows of several environments, actions, and errors of one environment alone. */
import { boundOf, bytesOf, createTensor, elementCount, type TensorData, type TensorSpec } from "../spaces.js";
import { above, below, type Check, core, NotTried, sampleAction } from "./check.js";
import { demand, type Peer } from "./peer.js";
import { look, rowOf, sameRows, wanted } from "./playing.js";

/** Needs two environments: with one, the order of rows cannot be seen. */
function several(peer: Peer): number[] {
  const { envCount } = peer.welcome;
  if (envCount < 2) throw new NotTried("there is one environment");
  return Array.from({ length: Math.min(envCount, 4) }, (_, i) => i);
}

interface WrongAction {
  readonly element: number;
  readonly bound: string;
  readonly value: number;
}

/** Bounds of each element, and the dtype's smallest and largest numbers. */
function rangeOf({ dtype, shape, low, high }: TensorSpec): { low: Float64Array; high: Float64Array; end: number[] } {
  const count = elementCount(shape);
  const end = dtype === "uint8" ? [0, 255] : dtype === "int32" ? [-(2 ** 31), 2 ** 31 - 1] : [-1e30, 1e30];
  return {
    low: boundOf(low, count, Number.NEGATIVE_INFINITY),
    high: boundOf(high, count, Number.POSITIVE_INFINITY),
    end,
  };
}

/** Wrong values for the first and the last element of an action. */
function wrongActions(action: TensorSpec): WrongAction[] {
  const { low, high, end } = rangeOf(action);
  const [least = 0, most = 0] = end;
  const isFloat = action.dtype.startsWith("float");
  return [...new Set([0, elementCount(action.shape) - 1])].flatMap((element) => {
    const lowest = low[element] as number;
    const highest = high[element] as number;
    return [
      ...(lowest > least ? [{ element, bound: "low", value: below(lowest) }] : []),
      ...(highest < most ? [{ element, bound: "high", value: above(highest) }] : []),
      ...(isFloat && lowest > least ? [{ element, bound: "low", value: Number.NEGATIVE_INFINITY }] : []),
      ...(isFloat && highest < most ? [{ element, bound: "high", value: Number.POSITIVE_INFINITY }] : []),
      ...(isFloat ? [{ element, bound: "number", value: Number.NaN }] : []),
    ];
  });
}

function withElement(action: TensorSpec, { element, value }: WrongAction): TensorData {
  const data = sampleAction(action, 0);
  data[element] = value;
  return data;
}

/**
 * The detail of BAD_ACTION has everything that a person needs: the element and its tensor, its meaning, its bounds and
 * its value.
 */
function rightDetail(action: TensorSpec, wrong: WrongAction, detail: Readonly<Record<string, unknown>>): void {
  const { low, high } = rangeOf(action);
  const { element, bound } = wrong;
  const value = withElement(action, wrong)[element];
  const right: Record<string, unknown> = {
    uid: action.uid,
    element,
    bound,
    low: low[element],
    high: high[element],
    value: Number.isNaN(value) ? "NaN" : value,
    ...(action.names === undefined ? {} : { name: action.names[element] }),
  };
  for (const [key, expected] of Object.entries(right)) {
    const what = `${action.uid}[${element}] = ${value}: detail.${key}`;
    demand(detail[key] === expected, `${what} is ${JSON.stringify(detail[key]) ?? "missing"}, not ${expected}`);
  }
}

export const BATCHES: readonly Check[] = [
  core(
    "batch.empty",
    "a batch without operations has no results, and one that wants nothing has no tensors",
    "accept an empty ops",
    async (peer) => {
      await peer.batch([]);
      const [uid] = wanted(peer);
      if (uid !== undefined) await peer.batch([], [uid]);
      await peer.batch([{ env: 0, op: "reset", seed: 1 }]);
    },
  ),
  core(
    "batch.rows",
    "results and tensor rows have the order of the operations",
    "row i belongs to ops[i], whatever its environment",
    async (peer) => {
      const envs = several(peer);
      const want = wanted(peer);
      const rows = async (order: number[]): Promise<TensorData[][]> => {
        const ops = order.map((env) => ({ env, op: "reset", seed: 40 + env }));
        const { tensors } = await peer.batch(ops, want);
        return order.map((_, i) => rowOf(tensors, want, i, order.length));
      };
      const forward = await rows(envs);
      const backward = (await rows([...envs].reverse())).reverse();
      demand(
        forward.every((row, i) => sameRows(row, backward[i] as TensorData[])),
        "reversing the operations did not reverse the rows",
      );
    },
  ),
  core(
    "batch.action_rows",
    "the action tensor has a row for each step, in the order of the operations",
    "count rows by steps, not by environments or operations",
    async (peer) => {
      const [a = 0, b = 1, c] = several(peer);
      const { action } = peer.welcome;
      const want = wanted(peer);
      const reset = async (): Promise<void> => {
        await peer.batch([a, b].map((env) => ({ env, op: "reset", seed: 50 + env })));
      };
      const step = (env: number): { env: number; op: string; action: TensorData } => {
        return { env, op: "step", action: sampleAction(action, 3 + env) };
      };
      await reset();
      const alone: TensorData[][] = [];
      for (const env of [a, b]) alone.push(rowOf((await peer.one(step(env), want)).tensors, want, 0, 1));
      await reset();
      // An operation without a row comes first, where there is another environment for it.
      const front = c === undefined ? [] : [{ env: c, op: "reset", seed: 1 }];
      const ops = [...front, step(b), step(a)];
      const { tensors } = await peer.batch(ops, want);
      const together = [ops.length - 1, ops.length - 2].map((i) => rowOf(tensors, want, i, ops.length));
      demand(
        alone.every((row, i) => sameRows(row, together[i] as TensorData[])),
        "two environments stepped in one batch, the later one first, did not do what each did alone",
      );
    },
  ),
  core(
    "batch.errors_apart",
    "an error of one environment leaves the others of the batch alone, and its rows are zeros",
    "put it into that result's error and go on",
    async (peer) => {
      several(peer);
      const { action } = peer.welcome;
      await peer.hello();
      const want = wanted(peer);
      // Fill the rows first, so that zeros are not just left over.
      await peer.batch(
        [0, 1].map((env) => ({ env, op: "reset", seed: 70 + env })),
        want,
      );
      await peer.hello();
      await peer.one({ env: 1, op: "reset", seed: 1 });
      const ops = [0, 1].map((env) => ({ env, op: "step", action: sampleAction(action, 0) }));
      const { results, tensors } = await peer.batch(ops, want);
      peer.mustFail("NOT_RESET", results[0], "environment 0, which was not reset");
      demand(results[1]?.error === undefined && results[1]?.step === 1, "environment 1 did not make its step");
      const rows = rowOf(tensors, want, 0, 2);
      demand(
        rows.every((row) => row.every((value) => value === 0)),
        "the rows of the environment with the error are not zeros",
      );
    },
  ),
  core(
    "action.bounds",
    "an element out of bounds or NaN is BAD_ACTION that names it, its meaning, its bounds and its value; bounds are inclusive",
    "check each element before the step, in C order within one environment's action",
    async (peer) => {
      const { action, envCount } = peer.welcome;
      const tries = wrongActions(action);
      if (tries.length === 0) throw new NotTried("no value of this dtype is outside the action's bounds");
      await peer.one({ env: 0, op: "reset", seed: 1 });
      for (const wrong of tries) {
        const sent = withElement(action, wrong);
        const { results } = await peer.batch([{ env: 0, op: "step", action: sent }]);
        const what = `${action.uid}[${wrong.element}] = ${wrong.value}`;
        rightDetail(action, wrong, peer.mustFail("BAD_ACTION", results[0], what));
        const message = results[0]?.error?.message ?? "";
        // In the action's dtype.
        const [element = "", value = ""] = [action.names?.[wrong.element], String(sent[wrong.element])];
        demand(message.includes(element), `${what}: the message does not name ${element}: ${message}`);
        // Languages write infinities, large numbers and fractions differently.
        const isPlain = (Number.isInteger(wrong.value) && Math.abs(wrong.value) < 2 ** 24) || Number.isNaN(wrong.value);
        demand(!isPlain || message.includes(value), `${what}: the message does not tell the value: ${message}`);
      }
      const [first, last] = [tries[0] as WrongAction, tries.at(-1) as WrongAction];
      if (first.element !== last.element) {
        const both = withElement(action, first);
        both[last.element] = last.value;
        const { results } = await peer.batch([{ env: 0, op: "step", action: both }]);
        const detail = peer.mustFail("BAD_ACTION", results[0], "two wrong elements");
        demand(detail["element"] === first.element, `of two wrong elements, ${detail["element"]} is named first`);
      }
      if (envCount > 1) {
        await peer.one({ env: 1, op: "reset", seed: 1 });
        const { results } = await peer.batch([
          { env: 0, op: "step", action: sampleAction(action, 0) },
          { env: 1, op: "step", action: withElement(action, first) },
        ]);
        rightDetail(action, first, peer.mustFail("BAD_ACTION", results[1], "in the second row"));
      }
      const { low, high } = rangeOf(action);
      for (const bound of [low, high]) {
        const edge = sampleAction(action, 0);
        bound.forEach((value, i) => {
          // Some bounds of a float32 lie between two of its numbers.
          const inside = edge[i] as number;
          edge[i] = Number.isFinite(value) ? value : inside;
          if ((edge[i] as number) < (low[i] as number) || (edge[i] as number) > (high[i] as number)) edge[i] = inside;
        });
        await peer.one({ env: 0, op: "reset", seed: 1 });
        const { results } = await peer.batch([{ env: 0, op: "step", action: edge }]);
        const { error } = results[0] ?? {};
        demand(error?.code !== "BAD_ACTION", `an action at its bounds was refused: ${error?.message}`);
      }
    },
  ),
  core(
    "action.refused",
    "a refused action leaves its environment as it was",
    "check the action before you touch the state",
    async (peer) => {
      const { action } = peer.welcome;
      const [wrong] = wrongActions(action);
      if (wrong === undefined) throw new NotTried("no value of this dtype is outside the action's bounds");
      await peer.one({ env: 0, op: "reset", seed: 1 });
      const before = await look(peer);
      await peer.batch([{ env: 0, op: "step", action: withElement(action, wrong) }]);
      const after = await look(peer);
      demand(sameRows(before.rows, after.rows) && before.hash === after.hash, "a refused action moved something");
      const { result } = await peer.one({ env: 0, op: "noop" });
      demand(result.step === 0, "a refused action was counted as a step");
    },
  ),
  core(
    "action.shape",
    "an action tensor of another dtype or shape is BAD_ACTION for the whole message, with those that are wanted",
    "compare the tensor's header with the action spec: a row for each step",
    async (peer) => {
      const { action } = peer.welcome;
      const size = elementCount(action.shape);
      const other = action.dtype === "float64" ? "float32" : "float64";
      const wrong = [
        { dtype: action.dtype, shape: [1, size + 1], data: createTensor(action.dtype, size + 1) },
        { dtype: action.dtype, shape: [2, ...action.shape], data: createTensor(action.dtype, 2 * size) },
        { dtype: other, shape: [1, ...action.shape], data: createTensor(other, size) },
      ] as const;
      const right = { uid: action.uid, dtype: action.dtype, shape: [1, ...action.shape] };
      for (const { dtype, shape, data } of wrong) {
        const tensors = [{ uid: action.uid, dtype, shape, frame: 0 }];
        const batch = { t: "batch", ops: [{ env: 0, op: "step" }], want: [], tensors };
        const detail = await peer.refused("BAD_ACTION", batch, [bytesOf(data)]);
        for (const [key, value] of Object.entries(right)) {
          const got = JSON.stringify(detail[key]);
          demand(got === JSON.stringify(value), `detail.${key} is ${got ?? "missing"}, not ${JSON.stringify(value)}`);
        }
      }
    },
  ),
];
