/** @file The random arm: uniform actions; learns nothing. */

import type { Random } from "../random/random.js";
import type { Agent, AgentObservation } from "./agent.js";
import { ACTION_WIDTH } from "./agent-world.js";

export class RandomAgent implements Agent {
  readonly name = "random";
  readonly description = "random, which learns nothing";

  async act(observations: readonly AgentObservation[], random: Random): Promise<Float32Array> {
    return Float32Array.from({ length: observations.length * ACTION_WIDTH }, () => random.uniform(-1, 1));
  }

  remember(): void {
    // Uniform sampling needs no memory.
  }

  async pretrain(): Promise<Record<string, number>> {
    return {};
  }

  async update(): Promise<Record<string, number>> {
    return {};
  }

  async state(): Promise<Record<string, never>> {
    return {};
  }

  async restore(): Promise<void> {
    // No state.
  }

  async close(): Promise<void> {
    // Nothing to close.
  }
}
