/** @file An agent's settings, and their defaults for each arm. */
import type { ReplayKind } from "../replay/replay.js";
import type { AgentWorld } from "./agent-world.js";
import type { LearnerOptions } from "./learner.js";

export const AGENT_KINDS = ["rls3", "paper", "random"] as const;
export type AgentKind = (typeof AGENT_KINDS)[number];

export interface AgentOptions extends LearnerOptions {
  readonly world: AgentWorld;
  /** Seed of the first weights. */
  readonly seed: number;
  readonly replay: ReplayKind;
  /** Transitions kept in all. */
  readonly replayCapacity: number;
  /** Transitions of an iteration at most: sizes the window of recent iterations that hardness is learned from. */
  readonly iterationSamples: number;
  /** β of the arm. rls3 learns no hardness where it is 0. */
  readonly extrinsicWeight: number;
  readonly gamma: number;
  /** paper: entropy of the policy, in nats, that the temperature is tuned to. */
  readonly targetEntropy: number;
  /** rls3: hardness is never believed to be more. */
  readonly hardnessCap: number;
  /** rls3: mean KL from the uniform policy, in nats. */
  readonly klBudget: number;
  /** rls3: proposals drawn for an action. */
  readonly proposals: number;
  /** rls3: validity and hardness learned apart, or one head that learns the whole reward as it comes. */
  readonly heads: "two" | "one";
  /** paper: what actor and critics see, the flat observation and action or the placement decoded. */
  readonly view: "flat" | "objects";
  readonly batchSize: number;
  readonly hidden: readonly number[];
  /** Updates of a head over which the importance correction of prioritized replay goes to 1. */
  readonly annealingUpdates: number;
}

/** The settings of the design's table "the arms, spelled out"; the caller adds world and seed. */
export function agentDefaults(kind: AgentKind) {
  return {
    learner: "onnx",
    device: "cpu",
    threads: 1,
    replay: "prioritized",
    replayCapacity: 200_000,
    iterationSamples: 4_000,
    extrinsicWeight: kind === "paper" ? 10 : 8,
    gamma: kind === "paper" ? 0.99 : 0,
    targetEntropy: -2,
    hardnessCap: 4,
    klBudget: 1.6,
    proposals: 64,
    heads: "two",
    view: "flat",
    batchSize: 256,
    hidden: [256, 256],
    annealingUpdates: 10_000,
  } as const satisfies Omit<AgentOptions, "world" | "seed">;
}
