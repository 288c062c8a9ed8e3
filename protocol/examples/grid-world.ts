/**
 * @file Your own environment, complete: a point walks a grid to a goal. Start it with `--bind tcp://127.0.0.1:5005`, or
 * let a trainer start it, which passes `--connect ENDPOINT`. `rls3 env check --spawn -- node
 * dist/protocol/examples/grid-world.js` tests it against the specification.
 */
import { parseArgs } from "node:util";
import {
  type Environment,
  type EnvironmentDefinition,
  EnvironmentServer,
  type StepOutcome,
  type TensorData,
  type WireMap,
} from "../index.js";

const SIZE = 8;
const LONGEST_EPISODE = 100;
const MOVES: readonly (readonly [x: number, y: number])[] = [
  [0, 1],
  [1, 0],
  [0, -1],
  [-1, 0],
];

/** An environment resets, steps and observes. The server checks actions, counts steps and keeps the order. */
class GridWorld implements Environment {
  private x = 0;
  private y = 0;
  private goal = { x: 0, y: 0 };
  private steps = 0;
  private draw = lehmer(0);

  /** The same seed must give the same start; without one, the random numbers continue. A session's first reset has one. */
  reset(seed: number | undefined, _options: WireMap): WireMap {
    if (seed !== undefined) this.draw = lehmer(seed);
    this.x = this.draw(SIZE);
    this.y = this.draw(SIZE);
    do this.goal = { x: this.draw(SIZE), y: this.draw(SIZE) };
    while (this.distance() === 0);
    this.steps = 0;
    return {};
  }

  /** `action` is already checked: one whole number from 0 to 3. */
  step(action: TensorData): StepOutcome {
    const [direction] = action;
    const move = MOVES[direction as number];
    if (move === undefined) throw new RangeError(`there is no move ${direction}`);
    this.x = Math.min(SIZE - 1, Math.max(0, this.x + move[0]));
    this.y = Math.min(SIZE - 1, Math.max(0, this.y + move[1]));
    this.steps++;
    const terminated = this.distance() === 0;
    const truncated = !terminated && this.steps >= LONGEST_EPISODE;
    return { reward: terminated ? 1 : -0.01, terminated, truncated, info: { distance: this.distance() } };
  }

  /** Writes the wanted observation into `out`, which has its dtype and size. */
  observe(_uid: string, out: TensorData): void {
    out.set([this.x, this.y, this.goal.x, this.goal.y]);
  }

  private distance(): number {
    return Math.abs(this.goal.x - this.x) + Math.abs(this.goal.y - this.y);
  }
}

/** Whole numbers below n from a seed, by Lehmer's generator, which is good enough for a grid. */
function lehmer(seed: number): (n: number) => number {
  let state = (seed % 2147483646) + 1;
  return (n) => {
    for (let i = 0; i < 4; i++) state = (state * 48271) % 2147483647;
    return state % n;
  };
}

const definition: EnvironmentDefinition = {
  name: "grid-world",
  action: { uid: "move", dtype: "int32", shape: [], low: 0, high: MOVES.length - 1, names: ["direction"] },
  observations: [
    { uid: "cells", dtype: "int32", shape: [4], low: 0, high: SIZE - 1, names: ["x", "y", "goal x", "goal y"] },
  ],
  graphics: null,
  create: () => new GridWorld(),
};

const { values } = parseArgs({
  options: { bind: { type: "string" }, connect: { type: "string" }, envs: { type: "string", default: "1" } },
});
const envCount = Number(values.envs);
const server =
  values.connect === undefined
    ? await EnvironmentServer.bind(definition, { endpoint: values.bind ?? "tcp://127.0.0.1:5005", envCount })
    : EnvironmentServer.connect(definition, { endpoint: values.connect, envCount });
console.log(`grid-world: ${envCount} environments at ${server.endpoint}`);
await server.closed;
