/**
 * @file The RLS3 loop's interface to a sample generator: the default object-centric agent, the paper's Gaussian SAC, or
 * random.
 */

import type { Random } from "../random/random.js";
import type { Tensors } from "../tensor.js";

/** The environment's state, as in the observations `objects` and `scene`, plus the progress of the episode. */
export interface AgentObservation {
  readonly scene: number;
  /** Int32 [A, 5]: catalog index, x, y, z (mm), yaw step. */
  readonly objects: Int32Array;
  /** Share of the episode's T₀ valid samples done, 0 to 1. */
  readonly progress: number;
}

/** A step of the environment as agents learn from it. */
export interface Transition {
  readonly observation: AgentObservation;
  /** float32 [6] in [−1, 1]: slot, incoming object, x, z, drop height, yaw. */
  readonly action: Float32Array;
  readonly next: AgentObservation;
  readonly valid: boolean;
  /** The whole reward: ±1, plus β·h (per sample) or β·J₂ (on the episode's last transition). */
  readonly reward: number;
  /** h of this sample; null for an invalid one, or where no hardness was measured (feasibility pre-training). */
  readonly hardness: number | null;
  /** True ends the value (no bootstrap). Truncation does not set it. */
  readonly terminated: boolean;
}

/** Statistics of an agent's updates. */
export interface AgentStatistics {
  /** Named scalars for metrics.csv and TensorBoard: losses, KL, temperature, Q … */
  readonly [name: string]: number;
}

/** A sample generator that learns: proposes placements, remembers their rewards, updates itself. */
export interface Agent {
  readonly name: string;
  /**
   * What learns, and on what, for display: "rls3 on onnxruntime, cpu". With tensorflow.js also why no faster backend is
   * used.
   */
  readonly description: string;
  /** One action per observation, [n × 6] flat, drawn with `random`. */
  act(observations: readonly AgentObservation[], random: Random): Promise<Float32Array>;
  /**
   * Puts transitions into the replay, in order of episodes: all of an iteration at once, or round by round where the
   * agent learns during its episodes.
   */
  remember(transitions: readonly Transition[]): void;
  /**
   * Feasibility pre-training: takes the shared random transitions, then does `updates` updates; calls `progress` after
   * each hundred.
   */
  pretrain(
    transitions: readonly Transition[],
    updates: number,
    random: Random,
    progress: (done: number) => void,
  ): Promise<AgentStatistics>;
  /** Does the updates of one iteration. */
  update(updates: number, random: Random): Promise<AgentStatistics>;
  /**
   * Everything that a resumed run needs after an `update` or `pretrain`: networks, optimizers, replay, counters.
   * Copies, not views.
   */
  state(): Promise<Tensors>;
  /** @throws InputError where the state belongs to another arm, world or size */
  restore(state: Tensors): Promise<void>;
  /** Frees the agent's memory; do not use it afterwards. */
  close(): Promise<void>;
}
