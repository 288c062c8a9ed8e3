/** @file `rls3/plugins`: the types of a plugin, and the agents that ship, as a starting point for your own. */

export type { Vocabulary } from "../language/index.js";
export type {
  Callbacks,
  Evaluation,
  EvaluationContext,
  OpenAgent,
  Plugin,
  ReportedSample,
  Reward,
  RewardContext,
  RunStart,
} from "../plugins/plugin.js";
export type { Random } from "../random/random.js";
export type { FoundSample, Iteration } from "../rls3/loop.js";
// Agents.
export type { Agent, AgentObservation, AgentStatistics, Transition } from "../sac/agent.js";
export { ACTION_WIDTH, type AgentWorld, decodePlacement } from "../sac/agent-world.js";
export { type AgentOptions, createAgent } from "../sac/create-agent.js";
export type { Tensor, Tensors } from "../tensor.js";
