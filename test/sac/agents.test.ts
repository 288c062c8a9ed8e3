/** @file The arms: they learn, a restored agent continues to the bit, and both learners serve them. */
import { describe, expect, test } from "vitest";
import { Random } from "../../trainer/random/random.js";
import type { Agent, Transition } from "../../trainer/sac/agent.js";
import { AGENT_SIZES, type AgentOptions, agentReplayBytes, createAgent } from "../../trainer/sac/create-agent.js";
import type { Arm } from "../../trainer/settings/arms.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";
import type { Tensor, Tensors } from "../../trainer/tensor.js";
import { drawObservation, drawTransitions, hardnessOf, isValid, transition, world } from "./world.js";

const options = (agent: Arm, changes: Partial<AgentOptions> = {}): AgentOptions => ({
  ...resolveConfiguration([], { agent }),
  ...AGENT_SIZES,
  world,
  device: "cpu",
  view: "flat",
  seed: 1,
  hidden: [64, 64],
  updateBatch: 64,
  replayCapacity: 20_000,
  iterationSamples: 500,
  ...changes,
});

/** `rounds` rounds of actions on 16 observations, and the resulting transitions. */
async function play(agent: Agent, rounds: number, seed: number, beta: number): Promise<Transition[]> {
  expect(agent.description).toMatch(/^(rls3|paper) on (onnxruntime, cpu|tensorflow\.js, )/);
  const random = new Random(seed);
  const played: Transition[] = [];
  for (let round = 0; round < rounds; round++) {
    const observations = Array.from({ length: 16 }, () => drawObservation(random));
    const actions = await agent.act(observations, random);
    expect(actions.every((value) => value >= -1 && value <= 1)).toBe(true);
    observations.forEach((observation, i) => {
      played.push(transition(observation, actions.slice(6 * i, 6 * i + 6), random, beta));
    });
  }
  return played;
}

function tensorOf(state: Tensors, name: string): Tensor {
  const tensor = state[name];
  if (tensor === undefined) throw new Error(`no "${name}" in the state`);
  return tensor;
}

const share = (items: readonly Transition[], holds: (item: Transition) => boolean): number =>
  items.filter(holds).length / items.length;
const validRate = (played: readonly Transition[]): number => share(played, ({ valid }) => valid);

describe("rls3", () => {
  test("learns validity from random transitions, then looks for hard placements within its KL budget", async () => {
    const agent = await createAgent("rls3", options("rls3", { klBudget: 1 }));
    try {
      const data = drawTransitions(6000, new Random(2));
      const reports: number[] = [];
      const { validityLoss } = await agent.pretrain(data, 600, new Random(3), (done) => reports.push(done));
      expect(reports.at(-1)).toBe(600);
      expect(reports).toEqual([...new Set(reports)].sort((a, b) => a - b));
      expect(validityLoss).toBeLessThan(0.5);
      const before = await play(agent, 20, 4, 8);
      const random = validRate(data);
      expect(validRate(before)).toBeGreaterThan(random + 0.6 * (1 - random));
      const hard = ({ action, valid }: Transition) => valid && hardnessOf(action) === 1;
      agent.remember(before);
      const { kl, temperature, hardnessLoss } = await agent.update(400, new Random(5));
      expect(kl).toBeCloseTo(1, 1);
      expect(temperature).toBeGreaterThan(0);
      expect(hardnessLoss).toBeLessThan(0.3);
      expect(share(await play(agent, 20, 6, 8), hard)).toBeGreaterThan(1.4 * share(before, hard));
    } finally {
      await agent.close();
    }
  });

  test("steers its KL budget to a share of valid placements, and continues that after a restart", async () => {
    const steered = options("rls3", { klBudget: 1, validityTarget: 0.9, hidden: [8], updateBatch: 8 });
    const [agent, again] = [await createAgent("rls3", steered), await createAgent("rls3", steered)];
    try {
      const drawn = drawTransitions(400, new Random(2));
      const budget = async () => tensorOf(await agent.state(), "rates/budget").data[0];
      agent.remember(drawn.filter(({ valid }) => !valid));
      expect(await budget()).toBe(2);
      agent.remember(drawn.filter(({ valid }) => valid));
      expect(await budget()).toBeCloseTo(2 * Math.exp(3 * (0.9 - 1)), 6);
      await again.restore(await agent.state());
      await play(again, 1, 4, 8);
      expect((await again.update(0, new Random(5)))["kl"]).toBeCloseTo(2 * Math.exp(-0.3), 2);
    } finally {
      await agent.close();
      await again.close();
    }
  });

  test("with γ it also values the future", async () => {
    const agent = await createAgent("rls3", options("rls3", { discount: 0.9, hidden: [32], updateBatch: 32 }));
    try {
      agent.remember(drawTransitions(300, new Random(2), 8));
      const { futureLoss } = await agent.update(60, new Random(3));
      expect(futureLoss).toBeGreaterThan(0);
      expect(await play(agent, 1, 4, 8)).toHaveLength(16);
    } finally {
      await agent.close();
    }
  });

  test("with one head it learns the whole reward, and looks for hard placements with that", async () => {
    const agent = await createAgent("rls3", options("rls3", { klBudget: 1, heads: "one" }));
    try {
      const data = drawTransitions(6000, new Random(2));
      const { rewardLoss } = await agent.pretrain(data, 600, new Random(3), () => undefined);
      expect(rewardLoss).toBeLessThan(1);
      const before = await play(agent, 20, 4, 8);
      const random = validRate(data);
      expect(validRate(before)).toBeGreaterThan(random + 0.4 * (1 - random));
      agent.remember(before);
      await agent.update(400, new Random(5));
      expect(Object.keys(await agent.state()).filter((name) => /validity|hardness/.test(name))).toEqual([
        "rates/validity",
      ]);
      const hard = ({ action, valid }: Transition) => valid && hardnessOf(action) === 1;
      expect(share(await play(agent, 20, 6, 8), hard)).toBeGreaterThan(1.1 * share(before, hard));
    } finally {
      await agent.close();
    }
  });

  test("forgets hardness from before the last six iterations", async () => {
    const agent = await createAgent("rls3", options("rls3", { hidden: [8], updateBatch: 8 }));
    try {
      const random = new Random(1);
      for (let iteration = 0; iteration < 9; iteration++) {
        const valid = drawTransitions(60, random, 8).filter((item) => item.valid);
        agent.remember(valid.slice(0, 10 + iteration));
      }
      const state = await agent.state();
      expect(state["memory_hardness/ring"]?.data[1]).toBe(13 + 14 + 15 + 16 + 17 + 18);
      expect(state["memory_validity/ring"]?.data[1]).toBe(9 * 10 + 36);
    } finally {
      await agent.close();
    }
  });

  test("keeps the whole last six iterations where each is as large as can be", async () => {
    const full = { hidden: [8], updateBatch: 8, discount: 0.9, iterationSamples: 20 };
    const agent = await createAgent("rls3", options("rls3", full));
    try {
      const valid = drawTransitions(600, new Random(1), 8).filter((item) => item.valid);
      for (let iteration = 0; iteration < 9; iteration++) {
        agent.remember(valid.slice(20 * iteration, 20 * iteration + 20));
        const state = await agent.state();
        for (const head of ["hardness", "future"]) {
          expect(state[`memory_${head}/ring`]?.data[1]).toBe(20 * Math.min(6, iteration + 1));
        }
      }
    } finally {
      await agent.close();
    }
  });
});

describe("paper", () => {
  test("learns nothing before it remembers anything", async () => {
    const agent = await createAgent("paper", options("paper", { hidden: [8], updateBatch: 8 }));
    try {
      const before = await agent.state();
      expect(await agent.update(3, new Random(1))).toEqual({});
      expect(await agent.state()).toEqual(before);
    } finally {
      await agent.close();
    }
  });

  test("learns to place validly", async () => {
    const agent = await createAgent("paper", options("paper", { discount: 0 }));
    try {
      const data = drawTransitions(4000, new Random(2));
      await agent.pretrain(data, 1500, new Random(3), () => undefined);
      const random = validRate(data);
      expect(validRate(await play(agent, 20, 4, 0))).toBeGreaterThan(random + 0.3 * (1 - random));
    } finally {
      await agent.close();
    }
  });
});

test("random draws uniform actions", async () => {
  const agent = await createAgent("random", options("random"));
  const actions = await agent.act(
    Array.from({ length: 4000 }, () => drawObservation(new Random(1))),
    new Random(2),
  );
  expect(actions).toHaveLength(24_000);
  expect(actions.reduce((sum, value) => sum + value, 0) / 24_000).toBeCloseTo(0, 1);
  expect(actions.reduce((sum, value) => sum + value * value, 0) / 24_000).toBeCloseTo(1 / 3, 1);
});

describe.each([
  { kind: "rls3", replay: "prioritized", discount: 0.5, learner: "onnx" },
  { kind: "rls3", replay: "lap", discount: 0, learner: "onnx" },
  { kind: "rls3", replay: "prioritized", discount: 0.5, heads: "one", learner: "onnx" },
  { kind: "paper", replay: "prioritized", discount: 0.99, learner: "onnx" },
  { kind: "paper", replay: "uniform", discount: 0.99, learner: "onnx" },
  { kind: "rls3", replay: "uniform", discount: 0, learner: "tfjs" },
  { kind: "paper", replay: "lap", discount: 0.99, learner: "tfjs" },
] as const)("$kind, $replay replay, γ $discount, on $learner", ({ kind, ...changes }) => {
  test("restored from its state, it continues to the bit like one that was never stopped", async () => {
    const own = options(kind, { ...changes, hidden: [16, 16], updateBatch: 16, proposals: 8 });
    const [unbroken, restored] = [await createAgent(kind, own), await createAgent(kind, { ...own, seed: 99 })];
    try {
      await unbroken.pretrain(drawTransitions(200, new Random(1)), 20, new Random(2), () => undefined);
      unbroken.remember(drawTransitions(60, new Random(3), 8));
      await unbroken.update(20, new Random(4));
      await restored.restore(structuredClone(await unbroken.state()));
      const goOn = async (agent: Agent) => {
        const played = await play(agent, 2, 5, 8);
        agent.remember(played);
        const statistics = await agent.update(20, new Random(6));
        return { actions: played.map(({ action }) => action), statistics, state: await agent.state() };
      };
      expect(await goOn(restored)).toEqual(await goOn(unbroken));
    } finally {
      await unbroken.close();
      await restored.close();
    }
  });
});

test("an agent of another kind, or another world, is refused by name", async () => {
  const small = { hidden: [8], updateBatch: 8 };
  const agents = [
    await createAgent("rls3", options("rls3", small)),
    await createAgent("paper", options("paper", small)),
    await createAgent("rls3", options("rls3", { ...small, hidden: [9] })),
  ] as const;
  try {
    const [rls3, paper, wider] = agents;
    await expect(rls3.restore(await paper.state())).rejects.toThrow(/not one of kind rls3/);
    await expect(paper.restore(await rls3.state())).rejects.toThrow(/not one of kind paper/);
    await expect(rls3.restore(await wider.state())).rejects.toThrow(
      /"validity" has \d+ numbers, this configuration's has \d+/,
    );
    rls3.remember(drawTransitions(3, new Random(1), 8));
    const state = await rls3.state();
    const cut = {
      ...state,
      "memory_validity/column.action": {
        ...tensorOf(state, "memory_validity/column.action"),
        data: new Float32Array(5),
      },
    };
    await expect(rls3.restore(cut)).rejects.toThrow(/column "action" has 5 numbers, not 3 rows of 6/);
  } finally {
    for (const agent of agents) await agent.close();
  }
});

test("the replay's bytes are known in advance, and grow with its capacity", () => {
  for (const kind of ["rls3", "paper"] as const) {
    const [small, large] = [1000, 10_000].map((replayCapacity) =>
      agentReplayBytes(kind, options(kind, { replayCapacity })),
    );
    expect((large ?? 0) - (small ?? 0)).toBeGreaterThan(9000 * 100);
  }
  expect(agentReplayBytes("random", options("random"))).toBe(0);
});

test("the test world's random actions are sometimes valid", () => {
  const random = new Random(1);
  const data = drawTransitions(1000, random);
  expect(validRate(data)).toBeGreaterThan(0.3);
  expect(validRate(data)).toBeLessThan(0.8);
  expect(data.every(({ observation, action, valid }) => isValid(observation, action) === valid)).toBe(true);
});
