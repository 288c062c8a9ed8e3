/** @file Comparisons (to bool, without gradients), logic, and selection by a condition. */
import { applyOne, type Operator, type Value } from "../graph.js";
import { broadcast, sameShape } from "../shapes.js";
import { type Operand, operands } from "./arithmetic.js";
import { sumTo } from "./reductions.js";
import { expand } from "./structure.js";

function comparison(name: string): (a: Operand, b: Operand) => Value {
  const operator: Operator<undefined> = {
    name,
    forward: (inputs) => {
      const [a, b] = inputs as [Value, Value];
      return a.graph.emit(name, [a, b], [{ shape: broadcast(a.shape, b.shape), type: "bool" }]);
    },
  };
  return (a, b) => applyOne(operator, operands(a, b), undefined);
}

export const equal = comparison("Equal");
export const greater = comparison("Greater");
export const greaterOrEqual = comparison("GreaterOrEqual");
export const less = comparison("Less");
export const lessOrEqual = comparison("LessOrEqual");
/** Of two bool values. */
export const and = comparison("And");
export const or = comparison("Or");

const negation: Operator<undefined> = {
  name: "Not",
  forward: ([x]) => (x as Value).graph.emit("Not", [x as Value], [x as Value]),
};
export const not = (x: Value): Value => applyOne(negation, [x], undefined);

const where: Operator<undefined> = {
  name: "Where",
  lazy: true,
  forward: (inputs) => {
    const [condition, a, b] = inputs as [Value, Value, Value];
    return a.graph.emit("Where", inputs, [{ shape: broadcast(condition.shape, a.shape, b.shape), type: a.type }]);
  },
  gradient: ({ dy, inputs, outputs }) => {
    const [condition, a, b] = inputs as [Value, Value, Value];
    const [y] = outputs as [Value];
    const to = (gradient: Value, operand: Value): Value =>
      sameShape(y.shape, operand.shape) ? gradient : sumTo(expand(gradient, y.shape), operand.shape);
    return [undefined, to(select(condition, dy, 0), a), to(select(condition, 0, dy), b)];
  },
};

/** a where the condition is true, else b; all three broadcast. */
export const select = (condition: Value, a: Operand, b: Operand): Value =>
  applyOne(where, [condition, ...operands(a, b)], undefined);
