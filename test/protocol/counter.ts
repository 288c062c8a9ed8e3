/** @file The environment of these tests: a counter that records what was done to it, and crashes on request. */
import type { Environment, EnvironmentDefinition, TensorData, WireMap } from "../../protocol/index.js";

/** Each step adds action[0] to the state; the episode ends at 5 steps. Observations: `count` float32 [2], `frame` uint8 [4, 4, 3]. */
class Counter implements Environment {
  private total = 0;
  private steps = 0;
  private scale = 1;
  private layout = 0;

  reset(seed: number | undefined, options: WireMap): WireMap {
    if (options["crash"] === true) throw new Error("asked to crash");
    this.layout = seed ?? this.layout + 1;
    this.total = this.layout % 97;
    this.steps = 0;
    return { seed: seed ?? null };
  }

  optionsProblem(options: WireMap): string | undefined {
    return typeof options["mood"] === "number" ? "options.mood must be a string" : undefined;
  }

  step(action: TensorData) {
    const [move = 0, kind = 0] = action;
    if (kind === 1) throw new Error("the physics exploded");
    if (kind === 0.5) process.exit(17);
    if (kind === 0.75) for (;;); // hangs
    this.total += move * this.scale;
    this.steps++;
    return {
      reward: move,
      terminated: false,
      truncated: this.steps >= 5,
      info: kind === -1 ? { pid: process.pid } : { total: this.total },
    };
  }

  observe(uid: string, out: TensorData): void {
    if (uid === "count") out.set([this.total, this.steps]);
    else for (let i = 0; i < out.length; i++) out[i] = i + this.steps;
  }

  stateHash(): string {
    return Math.round(this.total * 1000 + this.steps)
      .toString(16)
      .padStart(16, "0");
  }

  configure(_name: string, value: number | string | boolean): void {
    if (typeof value === "number") this.scale = value;
  }
}

export function counterDefinition(graphics: string | null = "software"): EnvironmentDefinition {
  return {
    name: "counter",
    action: { uid: "action", dtype: "float32", shape: [2], low: -1, high: 1, names: ["move", "kind"] },
    observations: [
      { uid: "count", dtype: "float32", shape: [2] },
      { uid: "frame", dtype: "uint8", shape: [4, 4, 3], graphics: true },
    ],
    parameters: [
      { name: "scale", type: "float", low: 0, high: 10, default: 1, description: "what a move is multiplied by" },
    ],
    graphics,
    catalog: { about: "counts" },
    create: () => new Counter(),
  };
}
