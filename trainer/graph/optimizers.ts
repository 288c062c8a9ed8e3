/**
 * @file Optimizers as functions from state and gradient to the next state, over flat vectors. Compose them by calling
 * them.
 */
import type { Graph, Value } from "./graph.js";
import { exp, sqrt } from "./operators/activations.js";
import { add, divide, minimum, multiply, type Operand, subtract } from "./operators/arithmetic.js";
import { sumOfSquares } from "./operators/reductions.js";

export interface AdamState {
  readonly parameters: Value;
  /** Running means of the gradient and of its square. */
  readonly first: Value;
  readonly second: Value;
  /** Steps done, a float32 scalar (exact to 2^24). */
  readonly step: Value;
}

export interface AdamOptions {
  /** A number, or a scalar input. */
  readonly learningRate: Operand;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decoupled weight decay as in torch's AdamW: p ← p·(1 − lr·wd) before the step. 0 gives Adam. */
  readonly weightDecay?: number;
}

/** Adam and AdamW as torch computes them: p ← p − lr · m̂ / (√v̂ + ε). */
export function adam(state: AdamState, gradient: Value, options: AdamOptions): AdamState {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  const step = add(state.step, 1);
  // Reads each old vector once: by now they have left the processor's caches, and reading them dominates the time.
  const first = add(multiply(state.first, beta1), multiply(gradient, 1 - beta1));
  const second = add(multiply(state.second, beta2), multiply(multiply(gradient, 1 - beta2), gradient));
  // 1 − βᵗ; both corrections become two scalars, to save passes over the vectors.
  const correction1 = subtract(1, exp(multiply(step, Math.log(beta1))));
  const root2 = sqrt(subtract(1, exp(multiply(step, Math.log(beta2)))));
  const size = multiply(divide(root2, correction1), learningRate);
  const direction = divide(first, add(sqrt(second), multiply(root2, epsilon)));
  const decayed =
    weightDecay === 0
      ? state.parameters
      : multiply(
          state.parameters,
          typeof learningRate === "number"
            ? 1 - learningRate * weightDecay
            : subtract(1, multiply(learningRate, weightDecay)),
        );
  return { parameters: subtract(decayed, multiply(direction, size)), first, second, step };
}

/** p ← p − lr · g */
export const sgd = (parameters: Value, gradient: Value, learningRate: Operand): Value =>
  subtract(parameters, multiply(gradient, learningRate));

/**
 * The gradient scaled down to a global norm of at most `limit` (like torch's clip_grad_norm_), and its norm before
 * scaling.
 */
export function clipByGlobalNorm(gradient: Value, limit: number): { gradient: Value; norm: Value } {
  const norm = sqrt(sumOfSquares(gradient));
  return { gradient: multiply(gradient, minimum(divide(limit, add(norm, 1e-6)), 1)), norm };
}

/** target ← (1 − τ)·target + τ·source */
export const polyak = (target: Value, source: Value, tau: Operand): Value =>
  add(multiply(target, typeof tau === "number" ? 1 - tau : subtract(1, tau)), multiply(source, tau));

/** Adam's state as the runtime's variables `name`, `name.first`, `name.second`, `name.step`. */
export function adamVariables(graph: Graph, name: string, size: number): AdamState {
  return {
    parameters: graph.variable(name, [size]),
    first: graph.variable(`${name}.first`, [size]),
    second: graph.variable(`${name}.second`, [size]),
    step: graph.variable(`${name}.step`, []),
  };
}

/** Assigns the next state to `adamVariables(graph, name, …)`. */
export function assignAdam(graph: Graph, name: string, next: AdamState): void {
  graph.assign(name, next.parameters);
  graph.assign(`${name}.first`, next.first);
  graph.assign(`${name}.second`, next.second);
  graph.assign(`${name}.step`, next.step);
}
