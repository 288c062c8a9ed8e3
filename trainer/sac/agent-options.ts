/** @file What an agent is opened with. */
import type { Configuration } from "../settings/configuration.js";
import type { AgentWorld } from "./agent-world.js";

/** The settings of a run that reach the agent (trainer/settings has their meanings and defaults). */
export type AgentSettings = Pick<
  Configuration,
  | "seed"
  | "learner"
  | "device"
  | "threads"
  | "replay"
  | "replayCapacity"
  | "extrinsicWeight"
  | "discount"
  | "targetEntropy"
  | "hardnessCap"
  | "klBudget"
  | "validityTarget"
  | "proposals"
  | "heads"
  | "view"
>;

/** Sizes of what learns: no settings of a run, so that arms differ in nothing but what they are compared for. */
export interface AgentSizes {
  /** Rows of an update's batch. */
  readonly updateBatch: number;
  readonly hidden: readonly number[];
  /** Updates of a head over which the importance correction of prioritized replay goes to 1. */
  readonly annealingUpdates: number;
}

export const AGENT_SIZES: AgentSizes = { updateBatch: 256, hidden: [256, 256], annealingUpdates: 10_000 };

/** Settings, sizes and world that an agent is opened with. */
export interface AgentOptions extends AgentSettings, AgentSizes {
  readonly world: AgentWorld;
  /** Transitions of an iteration at most: sizes the window of recent iterations that hardness is learned from. */
  readonly iterationSamples: number;
}
