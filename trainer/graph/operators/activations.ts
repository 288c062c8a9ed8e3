/**
 * @file Elementwise functions of one tensor: roots, exponentials and activations; recomputing makes their gradients
 * cheap.
 */
import { applyOne, type Operator, type Value } from "../graph.js";
import { add, divide, multiply, negate, square, subtract } from "./arithmetic.js";
import { equal, select } from "./selection.js";
import { reshape } from "./structure.js";

/** dx from dy, x and y = f(x). */
type Rule = (dy: Value, x: Value, y: Value) => Value;

function unary(name: string, rule: Rule, forward?: (x: Value) => Value): (x: Value) => Value {
  const operator: Operator<undefined> = {
    name,
    lazy: true,
    forward: ([x]) => {
      const input = x as Value;
      return forward ? [forward(input)] : input.graph.emit(name, [input], [input]);
    },
    gradient: ({ dy, inputs: [x], outputs: [y] }) => [rule(dy, x as Value, y as Value)],
  };
  return (x) => applyOne(operator, [x], undefined);
}

export const exp = unary("Exp", (dy, _x, y) => multiply(dy, y));
export const log = unary("Log", (dy, x) => divide(dy, x));
export const sqrt = unary("Sqrt", (dy, _x, y) => multiply(divide(dy, y), 0.5));
export const reciprocal = unary("Reciprocal", (dy, _x, y) => negate(multiply(dy, square(y))));
export const abs = unary("Abs", (dy, x) => multiply(dy, applyOne(sign, [x], undefined)));
/** On webgpu (WGSL) only exact to 2⁻¹¹; use constants for position tables. */
export const sin = unary("Sin", (dy, x) => multiply(dy, cos(x)));
/** Only as exact as `sin`. */
export const cos = unary("Cos", (dy, x) => negate(multiply(dy, sin(x))));
export const erf = unary("Erf", (dy, x) => multiply(dy, multiply(exp(negate(square(x))), 2 / Math.sqrt(Math.PI))));

const sign: Operator<undefined> = {
  name: "Sign",
  forward: ([x]) => (x as Value).graph.emit("Sign", [x as Value], [x as Value]),
};

export const tanh = unary("Tanh", (dy, _x, y) => multiply(dy, subtract(1, square(y))));
export const sigmoid = unary("Sigmoid", (dy, _x, y) => multiply(dy, subtract(y, square(y))));

/** log(1 + eˣ), without overflow. */
export const softplus = unary("Softplus", (dy, x) => multiply(dy, sigmoid(x)));

/**
 * 1 where x > 0, else 0 (fractions for x between 0 and 10⁻³⁰), in one pass: a comparison and a selection take three
 * times as long on onnxruntime's cpu.
 */
const isPositive: Operator<undefined> = {
  name: "HardSigmoid",
  forward: ([x]) => (x as Value).graph.emit("HardSigmoid", [x as Value], [x as Value], { alpha: 1e30, beta: 0 }),
};

/** max(x, 0) */
export const relu = unary("Relu", (dy, _x, y) => multiply(dy, applyOne(isPositive, [y], undefined)));

/** x · σ(1.702 x), as in OpenAI's CLIP. */
export const quickGelu = unary(
  "QuickGelu",
  (dy, x, y) => {
    const s = sigmoid(multiply(x, 1.702));
    return multiply(dy, add(s, multiply(multiply(y, 1.702), subtract(1, s))));
  },
  (x) => multiply(x, sigmoid(multiply(x, 1.702))),
);

/** x · σ(x) in one pass. */
const quick = (x: Value, use = ""): Value => x.graph.emit("QuickGelu", [x], [x], { alpha: 1 }, use)[0] as Value;

const siluRule: Rule = (dy, x, y) => {
  const s = sigmoid(x);
  return multiply(dy, add(s, multiply(y, subtract(1, s))));
};

/** x · σ(x), also called swish; Llama's gate. */
export const silu = unary("Silu", siluRule, (x) => quick(x));

const normalCdf = (x: Value): Value => multiply(add(erf(multiply(x, Math.SQRT1_2)), 1), 0.5);

/** x · Φ(x), the exact GELU. */
export const gelu = unary(
  "Gelu",
  (dy, x) => {
    const density = multiply(exp(multiply(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return multiply(dy, add(normalCdf(x), multiply(x, density)));
  },
  (x) => multiply(x, normalCdf(x)),
);

const GELU_SLOPE = 2 * Math.sqrt(2 / Math.PI);
const GELU_CUBE = 0.044715;

/**
 * x · σ(2u) with u = √(2/π) · (x + 0.044715 x³) as onnxruntime's own operator, which takes no scalars: one pass instead
 * of nine.
 */
function fastGelu(x: Value, use = ""): Value {
  if (x.shape.length === 0) return reshape(fastGelu(reshape(x, [1]), use), []);
  return x.graph.emit("FastGelu", [x], [x], {}, use)[0] as Value;
}

/** σ + x · σ · (1 − σ) · (2u)′, computed from x and y alone. */
const geluRule: Rule = (dy, x, y) => {
  const part = add(multiply(square(x), GELU_SLOPE * GELU_CUBE), GELU_SLOPE);
  const s = sigmoid(multiply(x, part));
  const inner = subtract(multiply(part, 3), 2 * GELU_SLOPE);
  return multiply(dy, add(s, multiply(subtract(y, multiply(y, s)), inner)));
};

/** The tanh approximation of GELU: "gelu_pytorch_tanh" in SigLIP and Gemma. */
export const tanhGelu = unary("TanhGelu", geluRule, (x) => fastGelu(x));

const GATES = {
  silu: { activate: quick, rule: siluRule },
  tanhGelu: { activate: fastGelu, rule: geluRule },
} as const;

interface Gating {
  readonly activation: keyof typeof GATES;
  readonly use: string;
}

const gating: Operator<Gating> = {
  name: "Gated",
  forward: (inputs, { activation, use }) => {
    const [gate, up] = inputs as [Value, Value];
    return gate.graph.emit("Mul", [GATES[activation].activate(gate, use), up], [up], {}, use);
  },
  gradient: ({ dy, inputs, options: { activation } }) => {
    const [gate, up] = inputs as [Value, Value];
    const { activate, rule } = GATES[activation];
    const activated = activate(gate, "gradient");
    return [rule(multiply(dy, up), gate, activated), multiply(dy, activated)];
  },
};

/**
 * activation(gate) · up. Products with it recompute it for their gradients. Gates are most of what a large model keeps
 * from its forward pass, and recomputing one takes two passes over tensors that are in memory anyway.
 */
export function gated(activation: Gating["activation"], gate: Value, up: Value): Value {
  const [first, second] = ["", "again"].map((use) => applyOne(gating, [gate, up], { activation, use }));
  gate.graph.remakes(first as Value, second as Value);
  return first as Value;
}

const clipping: Operator<readonly [number, number]> = {
  name: "Clip",
  lazy: true,
  forward: ([x], [low, high]) => {
    const input = x as Value;
    return input.graph.emit("Clip", [input, input.graph.scalar(low), input.graph.scalar(high)], [input]);
  },
  gradient: ({ dy, inputs: [x], outputs: [y] }) => [select(equal(x as Value, y as Value), dy, 0)],
};

/** x limited to [low, high]; its gradient is zero outside. */
export const clip = (x: Value, low: number, high: number): Value => applyOne(clipping, [x], [low, high]);

/** cap · tanh(x / cap): the soft cap of Gemma 2. */
export const softCap = (x: Value, cap: number): Value => multiply(tanh(divide(x, cap)), cap);
