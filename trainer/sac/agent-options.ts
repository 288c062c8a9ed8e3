/** @file What an agent is opened with. */
import type { Configuration } from "../settings/configuration.js";
import type { AgentWorld } from "./agent-world.js";

/** The settings of a run that the agent uses (meanings and defaults: trainer/settings). */
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

/** Sizes of networks and batches. They are not settings, so that arms differ only in what is compared. */
export interface AgentSizes {
  /** Rows of an update's batch. */
  readonly updateBatch: number;
  readonly hidden: readonly number[];
  /** Updates of a head over which prioritized replay's importance correction rises to 1. */
  readonly annealingUpdates: number;
}

export const AGENT_SIZES: AgentSizes = { updateBatch: 256, hidden: [256, 256], annealingUpdates: 10_000 };

/** Settings, sizes and world that an agent is opened with. */
export interface AgentOptions extends AgentSettings, AgentSizes {
  readonly world: AgentWorld;
  /** The most transitions in an iteration; sizes the window of recent iterations from which hardness is learned. */
  readonly iterationSamples: number;
}
