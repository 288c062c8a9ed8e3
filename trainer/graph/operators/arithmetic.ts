/** @file Elementwise arithmetic on two operands with numpy's broadcasting; either may be a number. */
import { applyOne, type GradientContext, type Operator, type Value } from "../graph.js";
import { broadcast, type Shape, sameShape } from "../shapes.js";
import { sumTo } from "./reductions.js";
import { lessOrEqual, select } from "./selection.js";
import { expand } from "./structure.js";

export type Operand = Value | number;

/** Two operands as values of the same graph and type; a number takes the other's type. */
export function operands(a: Operand, b: Operand): [Value, Value] {
  if (typeof a === "number") {
    if (typeof b === "number") throw new Error("one of the operands is a value of the graph");
    return [b.graph.scalar(a, b.type), b];
  }
  const right = typeof b === "number" ? a.graph.scalar(b, a.type) : b;
  if (a.type !== right.type) throw new Error(`operands are ${a.type} and ${right.type}: cast one of them`);
  return [a, right];
}

/** Sums a gradient in the output's shape (or one that broadcasts to it) to an operand's shape. */
function toOperand(gradient: Value, output: Shape, operand: Shape): Value {
  return sameShape(output, operand) ? gradient : sumTo(expand(gradient, output), operand);
}

type Rule = (dy: Value, a: Value, b: Value, y: Value) => readonly [Value, Value];

function binary(name: string, rule: Rule): (a: Operand, b: Operand) => Value {
  const operator: Operator<undefined> = {
    name,
    lazy: true,
    forward: (inputs) => {
      const [a, b] = inputs as [Value, Value];
      return a.graph.emit(name, [a, b], [{ shape: broadcast(a.shape, b.shape), type: a.type }]);
    },
    gradient: ({ dy, inputs, outputs }: GradientContext<undefined>) => {
      const [a, b] = inputs as [Value, Value];
      const [y] = outputs as [Value];
      const [da, db] = rule(dy, a, b, y);
      return [toOperand(da, y.shape, a.shape), toOperand(db, y.shape, b.shape)];
    },
  };
  return (a, b) => applyOne(operator, operands(a, b), undefined);
}

/** a + b */
export const add = binary("Add", (dy) => [dy, dy]);

/** a − b */
export const subtract = binary("Sub", (dy) => [dy, negate(dy)]);

/** a · b */
export const multiply = binary("Mul", (dy, a, b) => [multiply(dy, b), multiply(dy, a)]);

/** a / b */
export const divide = binary("Div", (dy, _a, b, y) => {
  const da = divide(dy, b);
  return [da, negate(multiply(da, y))];
});

/** a ^ b, for a > 0 where b is trained or holds zeros. The number 0 gives 1, with gradient 0 even where a is 0. */
export const power = (a: Operand, b: Operand): Value =>
  b === 0 && typeof a !== "number" ? expand(a.graph.scalar(1, a.type), a.shape) : raised(a, b);

const raised = binary("Pow", (dy, a, b, y) => [
  multiply(dy, multiply(b, power(a, subtract(b, 1)))),
  multiply(dy, multiply(y, applyOne(log, [a], undefined))),
]);

/** The smaller of each pair. Of equal ones only the first gets the gradient. */
export const minimum = binary("Min", (dy, a, b) => {
  const first = lessOrEqual(a, b);
  return [select(first, dy, 0), select(first, 0, dy)];
});

/** The larger of each pair. Of equal ones only the first gets the gradient. */
export const maximum = binary("Max", (dy, a, b) => {
  const first = lessOrEqual(b, a);
  return [select(first, dy, 0), select(first, 0, dy)];
});

/** −x */
export const negate = (x: Value): Value => applyOne(negation, [x], undefined);

const negation: Operator<undefined> = {
  name: "Neg",
  lazy: true,
  forward: ([x]) => (x as Value).graph.emit("Neg", [x as Value], [x as Value]),
  gradient: ({ dy }) => [negate(dy)],
};

const log: Operator<undefined> = {
  name: "Log",
  forward: ([x]) => (x as Value).graph.emit("Log", [x as Value], [x as Value]),
};

/** x · x */
export const square = (x: Value): Value => multiply(x, x);
