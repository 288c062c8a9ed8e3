/** @file A plugin's agent, with its actions, statistics and state checked. */
import type { Random } from "../random/random.js";
import type { Agent, AgentObservation, AgentStatistics, Transition } from "../sac/agent.js";
import { ACTION_WIDTH } from "../sac/agent-world.js";
import { type Tensors, tensorFault } from "../tensor.js";
import type { Hooks } from "./hooks.js";

const METHODS = ["act", "remember", "pretrain", "update", "state", "restore", "close"] as const;

/** @throws InputError for an agent that lacks a method */
export function guardedAgent(agent: Agent, hooks: Hooks): Agent {
  const methods = agent as unknown as Readonly<Record<string, unknown>> | null | undefined;
  const missing = METHODS.filter((name) => typeof methods?.[name] !== "function");
  if (missing.length > 0) hooks.refuse("agent", `gave an agent without ${missing.join(", ")}`);
  return new GuardedAgent(agent, hooks);
}

class GuardedAgent implements Agent {
  readonly name: string;
  readonly description: string;

  constructor(
    private readonly agent: Agent,
    private readonly hooks: Hooks,
  ) {
    this.name = String(agent.name ?? "plugin");
    this.description = String(agent.description ?? this.name);
  }

  async act(observations: readonly AgentObservation[], random: Random): Promise<Float32Array> {
    const actions = await this.hooks.call("agent.act", () => this.agent.act(observations, random));
    const wanted = observations.length * ACTION_WIDTH;
    if (!(actions instanceof Float32Array) || actions.length !== wanted) {
      const given = actions instanceof Float32Array ? `${actions.length} elements` : typeof actions;
      this.hooks.refuse(
        "agent.act",
        `gave ${given} for ${observations.length} observations; it is a Float32Array of ${wanted}`,
      );
    }
    const wrong = actions.findIndex((value) => !(Math.abs(value) <= 1));
    if (wrong >= 0) {
      const place = `element ${wrong % ACTION_WIDTH} of action ${Math.floor(wrong / ACTION_WIDTH)}`;
      this.hooks.refuse("agent.act", `gave ${actions[wrong]} as ${place}; actions are from −1 to 1`);
    }
    return actions;
  }

  remember(transitions: readonly Transition[]): void {
    this.hooks.callNow("agent.remember", () => this.agent.remember(transitions));
  }

  pretrain(
    transitions: readonly Transition[],
    updates: number,
    random: Random,
    progress: (done: number) => void,
  ): Promise<AgentStatistics> {
    // A run that is stopped throws from its progress: no fault of the agent.
    let stopped: unknown;
    const advance = (done: number): void => {
      try {
        progress(done);
      } catch (error) {
        stopped = error;
        throw error;
      }
    };
    return this.hooks
      .call("agent.pretrain", () => this.agent.pretrain(transitions, updates, random, advance))
      .then((statistics) => this.#checked("agent.pretrain", statistics))
      .catch((error: unknown) => {
        throw stopped ?? error;
      });
  }

  async update(updates: number, random: Random): Promise<AgentStatistics> {
    return this.#checked(
      "agent.update",
      await this.hooks.call("agent.update", () => this.agent.update(updates, random)),
    );
  }

  #checked(hook: string, statistics: AgentStatistics): AgentStatistics {
    const entries = this.hooks.entries(hook, statistics, "statistics; without any it is {}");
    return Object.fromEntries(entries.map(([name, value]) => [name, this.hooks.finite(hook, value, name)]));
  }

  async state(): Promise<Tensors> {
    const state = await this.hooks.call("agent.state", () => this.agent.state());
    for (const [name, tensor] of this.hooks.entries("agent.state", state, "tensors; without any it is {}")) {
      const fault = tensorFault(tensor);
      if (fault !== undefined) this.hooks.refuse("agent.state", `gave "${name}", which ${fault}`);
    }
    return state;
  }

  restore(state: Tensors): Promise<void> {
    return this.hooks.call("agent.restore", () => this.agent.restore(state));
  }

  close(): Promise<void> {
    return this.hooks.call("agent.close", () => this.agent.close());
  }
}
