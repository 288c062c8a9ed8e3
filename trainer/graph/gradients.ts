/** @file Reverse-mode differentiation: walks the tape backwards from a scalar loss. */
import type { GradientContext, Operator, TapeEntry, Value } from "./graph.js";
import { add } from "./operators/arithmetic.js";
import { expand } from "./operators/structure.js";
import { sameShape, showShape, sizeOf } from "./shapes.js";

/**
 * d loss / d value for each of `wrt`, as values of the same graph; zeros where the loss does not depend on the value.
 */
export function gradients(loss: Value, wrt: readonly Value[]): Value[] {
  if (sizeOf(loss.shape) !== 1) throw new Error(`a loss is one number, not ${showShape(loss.shape)}`);
  const { graph } = loss;
  const entries = pathEntries(loss, new Set(wrt));
  const sums = new Map<Value, Value>([[loss, graph.filled(loss.shape, 1)]]);
  for (const entry of entries) {
    const operator: Operator<unknown> = entry.operator as Operator<unknown>;
    const dys = entry.outputs.map((output) => {
      const dy = sums.get(output);
      return dy && !operator.lazy ? expand(dy, output.shape) : dy;
    });
    const dy = dys.find((gradient) => gradient !== undefined);
    if (!dy || !operator.gradient) continue;
    const context: GradientContext<unknown> = {
      dy,
      dys,
      inputs: entry.inputs,
      outputs: entry.outputs,
      options: entry.options,
    };
    const found = operator.gradient(context);
    entry.inputs.forEach((input, i) => {
      const contribution = found[i];
      if (!contribution) return;
      const sum = sums.get(input);
      sums.set(input, sum ? add(sum, contribution) : contribution);
    });
  }
  return wrt.map((value) => {
    const sum = sums.get(value);
    if (!sum) return graph.filled(value.shape, 0);
    return sameShape(sum.shape, value.shape) ? sum : expand(sum, value.shape);
  });
}

/** The tape's entries between `wrt` and the loss, last first. */
function pathEntries(loss: Value, wrt: ReadonlySet<Value>): TapeEntry[] {
  const reaches = new Map<Value, boolean>();
  const entries = new Set<TapeEntry>();
  const visit = (start: Value): void => {
    // Depth first with an explicit stack: deep models would exhaust the call stack.
    const stack: { value: Value; expanded: boolean }[] = [{ value: start, expanded: false }];
    for (let top = stack.pop(); top; top = stack.pop()) {
      const { value, expanded } = top;
      const inputs = value.origin?.operator.gradient ? value.origin.inputs : [];
      if (expanded) {
        const leads = wrt.has(value) || inputs.some((input) => reaches.get(input) === true);
        reaches.set(value, leads);
        if (leads && value.origin && inputs.some((input) => reaches.get(input) === true)) entries.add(value.origin);
      } else if (!reaches.has(value)) {
        reaches.set(value, wrt.has(value));
        stack.push({ value, expanded: true });
        for (const input of inputs) if (!reaches.has(input)) stack.push({ value: input, expanded: false });
      }
    }
  };
  visit(loss);
  return [...entries].sort((a, b) => b.index - a.index);
}
