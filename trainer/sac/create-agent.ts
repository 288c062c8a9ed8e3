/** @file `createAgent` opens an agent that ships, by the name of its arm. */

import type { ShippedAgent } from "../settings/arms.js";
import type { Agent } from "./agent.js";
import type { AgentOptions } from "./agent-options.js";
import { openPaperAgent, paperAgentBytes } from "./paper-agent.js";
import { openProposalAgent, proposalAgentBytes } from "./proposal-agent.js";
import { RandomAgent } from "./random-agent.js";

export { AGENT_SIZES, type AgentOptions } from "./agent-options.js";
export type { AgentWorld } from "./agent-world.js";
export { LEARNERS, type LearnerKind } from "./learner.js";

/** The agent, with networks drawn from the seed and its learner's thread running; `close` ends the thread. */
export async function createAgent(arm: ShippedAgent, options: AgentOptions): Promise<Agent> {
  switch (arm) {
    case "rls3":
      return openProposalAgent(options);
    case "paper":
      return openPaperAgent(options);
    case "random":
      return new RandomAgent();
  }
}

/** Bytes of replay that `createAgent` will allocate, to be printed beforehand. */
export function agentReplayBytes(arm: ShippedAgent, options: AgentOptions): number {
  switch (arm) {
    case "rls3":
      return proposalAgentBytes(options);
    case "paper":
      return paperAgentBytes(options);
    case "random":
      return 0;
  }
}
