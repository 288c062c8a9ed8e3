/**
 * @file The two trained models, as every learner implements them: the paper's SAC, and the heads of the object-centric
 * agent. A model has settings, variables and functions; this file defines their names and shapes, onnx/ and tfjs/
 * compute them.
 */
import { InputError } from "../errors.js";
import type { Random } from "../random/random.js";
import { float32, scalar, type Tensor, type Tensors } from "../tensor.js";
import type { AgentWorld } from "./agent-world.js";
import { initialParameters, type Layer, parameterCount, perceptron, twins } from "./layout.js";
import { actorViewWidth, criticViewWidth } from "./placement-view.js";

/**
 * Soft actor-critic (Haarnoja et al. 2018), in the convention of CleanRL or Stable-Baselines3; golden/sac lists the
 * differences.
 *
 * Variables: `actor`, `critics` (both, as twins of layout.ts) and `temperature` (log α), each with `.first`, `.second`
 * (Adam's moments) and `.step`; and `targets`.
 *
 * Functions (B is the batch, O and A are the widths of observation and action):
 * - `update`: inputs observations and next_observations [B, O], actions [B, A], rewards, terminated, weights [B],
 *   noise_next [B, A] (sb3 also noise_policy [B, A]). Returns errors [B], the mean of both critics' |TD|, and the
 *   losses as scalars. In the cleanrl convention it does not change the actor.
 * - `update_actor` (cleanrl): like `update`, with noise_policy and noise_temperature [policyFrequency, B, A]; then does
 *   that many steps of actor and temperature.
 * - `update_many` (cleanrl): N = `updatesInRun` updates; the first and each `policyFrequency`-th after it like
 *   `update_actor`. All inputs have a leading axis of length N (each update of the actor takes the next
 *   `policyFrequency` rows of its noise). Returns errors [N, B] and the losses' means.
 * - `act_R` for each R of `rows`: observations [R, O], noise [R, A] → actions [R, A]; noise 0 gives the mode.
 * - `evaluate`: observations [B, O], actions [B, A] → q1, q2 [B].
 */
export interface SacModel {
  readonly kind: "sac";
  readonly convention: "cleanrl" | "sb3";
  readonly observation: number;
  readonly action: number;
  readonly hidden: readonly number[];
  readonly batch: number;
  /** Batch sizes for which there is a function to act. */
  readonly rows: readonly number[];
  readonly gamma: number;
  readonly tau: number;
  readonly targetEntropy: number;
  readonly learningRates: { readonly actor: number; readonly critic: number; readonly temperature: number };
  /** The actor is updated every this many updates, with this many steps (cleanrl). */
  readonly policyFrequency: number;
  /** Actions are tanh(x)·scale + bias. */
  readonly actionScale: readonly number[];
  readonly actionBias: readonly number[];
  /** LAP uses Huber's loss. */
  readonly criticLoss: "squared" | "huber";
  /** Use the object-centric view of this world instead of the flat observation and action (placement-view.ts). */
  readonly view?: AgentWorld;
  /** The updates also return their intermediate values, under the names of golden/sac, and `gradient.VARIABLE`. */
  readonly trace?: boolean;
}

export const HEADS = ["validity", "hardness", "future", "reward"] as const;
export type Head = (typeof HEADS)[number];

/**
 * The heads of the object-centric agent, each a perceptron over a placement's features.
 *
 * Variables: each head's name, with `.first`, `.second`, `.step`.
 *
 * Functions, for each head NAME:
 * - `NAME`, an update: features [B, F], targets and weights [B], learning_rate [] → errors [B], loss. Validity has
 *   cross entropy and errors |p − target|; the others have squared error and errors |value − target|.
 * - `NAME_many`: N = `updatesInRun` updates; inputs and errors have a leading axis of length N, and the loss is the
 *   mean.
 * - `evaluate_NAME_R` for each R of `rows`: features [R, F] → values [R] (validity: the probability).
 */
export interface HeadsModel {
  readonly kind: "heads";
  readonly features: number;
  readonly hidden: readonly number[];
  readonly heads: readonly Head[];
  readonly batch: number;
  /** Batch sizes for which there is a function to evaluate. */
  readonly rows: readonly number[];
  /** Loss of the heads other than validity. LAP uses Huber's loss. */
  readonly loss: "squared" | "huber";
}

export type Model = SacModel | HeadsModel;

/**
 * Number of updates in the `many` functions. A run reads its state from the runtime and writes it back, which takes as
 * long as a fifth of a SAC update; eight updates share that. The replay gets their errors only after all of them have
 * been drawn.
 */
export function updatesInRun(model: Model): number {
  const round = model.kind === "sac" ? model.policyFrequency : 1;
  return round * Math.max(1, Math.floor(8 / round));
}

/** Adam's settings in every model: torch's defaults. */
export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** log std of the policy: the range of CleanRL's tanh form, and Stable-Baselines3's clamp. */
export const LOG_STD = { cleanrl: { low: -5, high: 2 }, sb3: { low: -20, high: 2 } } as const;

/** Both CleanRL and Stable-Baselines3 use it to keep log(1 − tanh²) finite. */
export const CORRECTION = 1e-6;

export const actorLayers = ({ observation, action, hidden, view }: SacModel): Layer[] =>
  perceptron(view === undefined ? observation : actorViewWidth(view), hidden, 2 * action);

export const criticLayers = ({ observation, action, hidden, view }: SacModel): Layer[] =>
  perceptron(view === undefined ? observation + action : criticViewWidth(view), hidden, 1);

export const headLayers = (model: HeadsModel): Layer[] => perceptron(model.features, model.hidden, 1);

/** The trained variables, and their numbers of parameters. */
export function trainedVariables(model: Model): ReadonlyMap<string, number> {
  if (model.kind === "heads") return new Map(model.heads.map((head) => [head, parameterCount(headLayers(model))]));
  return new Map([
    ["actor", parameterCount(actorLayers(model))],
    ["critics", 2 * parameterCount(criticLayers(model))],
    ["temperature", 1],
  ]);
}

export function variableNames(model: Model): string[] {
  const trained = [...trainedVariables(model).keys()];
  return [
    ...trained.flatMap((name) => [name, `${name}.first`, `${name}.second`, `${name}.step`]),
    ...(model.kind === "sac" ? ["targets"] : []),
  ];
}

/**
 * @throws InputError where saved variables belong to another model: another world, hidden layers, or learner version
 */
export function checkVariables(model: Model, variables: Tensors): void {
  const counts = trainedVariables(model);
  for (const name of variableNames(model)) {
    const trained = name.replace(/\.(first|second|step)$/, "");
    const expected = name.endsWith(".step") ? 1 : counts.get(name === "targets" ? "critics" : trained);
    const found = variables[name]?.data.length;
    if (found !== expected) {
      throw new InputError(
        `the saved agent does not fit: its "${name}" has ${found ?? "no"} numbers, this configuration's has ${expected}; ` +
          "resume with the world, hidden layers and arm that it was saved with",
      );
    }
  }
}

/** Initial values of all variables: networks drawn from `random`, targets equal to the critics, α = 1, moments zero. */
export function initialVariables(model: Model, random: Random): Tensors {
  const variables: Record<string, Tensor> = {};
  for (const [name, count] of trainedVariables(model)) {
    variables[`${name}.first`] = float32(new Float32Array(count));
    variables[`${name}.second`] = float32(new Float32Array(count));
    variables[`${name}.step`] = scalar(0);
  }
  if (model.kind === "heads") {
    for (const head of model.heads) variables[head] = float32(initialParameters(headLayers(model), random));
    return variables;
  }
  variables["actor"] = float32(initialParameters(actorLayers(model), random));
  const layers = criticLayers(model);
  const critics = twins([initialParameters(layers, random), initialParameters(layers, random)], layers);
  variables["critics"] = float32(critics);
  variables["targets"] = float32(critics.slice());
  variables["temperature"] = float32(new Float32Array(1));
  return variables;
}
