/** @file Where the policy's tanh is near ±1, the log probability stays precise. */
import { expect, test } from "vitest";
import { Random } from "../../trainer/random/random.js";
import { parameterCount } from "../../trainer/sac/layout.js";
import { LEARNERS, outputOf } from "../../trainer/sac/learner.js";
import { actorLayers, initialVariables, LOG_STD, type SacModel } from "../../trainer/sac/models.js";
import { openLearner } from "../../trainer/sac/open-learner.js";
import type { Tensor } from "../../trainer/tensor.js";

const ROWS = 64;
const model: SacModel = {
  kind: "sac",
  convention: "cleanrl",
  observation: 1,
  action: 1,
  hidden: [4, 4],
  batch: ROWS,
  rows: [1],
  gamma: 0.99,
  tau: 0.005,
  targetEntropy: -1,
  learningRates: { actor: 3e-4, critic: 1e-3, temperature: 1e-3 },
  policyFrequency: 2,
  actionScale: [1],
  actionBias: [0],
  criticLoss: "squared",
  trace: true,
};

const tensor = (data: Float32Array, ...dims: number[]): Tensor => ({ type: "float32", dims, data });

/** log π of the draw mean + σ · noise, in doubles. */
function logProbability(mean: number, raw: number, noise: number): number {
  const { low, high } = LOG_STD.cleanrl;
  const logStd = low + ((high - low) / 2) * (Math.tanh(raw) + 1);
  const decay = Math.exp(-2 * Math.abs(mean + Math.exp(logStd) * noise));
  const slope = (4 * decay) / (1 + decay) ** 2;
  return -(noise ** 2) / 2 - logStd - 0.5 * Math.log(2 * Math.PI) - Math.log(slope + 1e-6);
}

test.each(LEARNERS)("%s: within 2e-5 of float64 from the middle to the far ends", async (learner) => {
  const opened = await openLearner(model, { learner, device: "cpu", threads: 1 });
  try {
    // A constant policy: all weights are 0, and the last layer's bias holds its mean and spread.
    const actor = new Float32Array(parameterCount(actorLayers(model)));
    const [mean, raw] = [0.25, Math.fround(0.4)];
    actor.set([mean, raw], actor.length - 2);
    await opened.set({ ...initialVariables(model, new Random(1)), actor: tensor(actor, actor.length) });
    const noise = Float32Array.from({ length: ROWS }, (_, row) => (row - ROWS / 2) / 4);
    const zeros = (...dims: number[]): Tensor => tensor(new Float32Array(dims.reduce((a, b) => a * b, 1)), ...dims);
    const outputs = await opened.call("update", {
      observations: zeros(ROWS, 1),
      next_observations: zeros(ROWS, 1),
      actions: zeros(ROWS, 1),
      rewards: zeros(ROWS),
      terminated: zeros(ROWS),
      weights: zeros(ROWS),
      noise_next: tensor(noise, ROWS, 1),
    });
    const found = outputOf(outputs, "next_log_prob");
    const expected = [...noise].map((own) => logProbability(mean, raw, own));
    // The draws do reach values where 1 − tanh² has lost most of its digits in 32 bits.
    expect(Math.max(...outputOf(outputs, "next_actions"))).toBeGreaterThan(1 - 1e-5);
    for (const [row, value] of expected.entries()) {
      expect(Math.abs((found[row] ?? Number.NaN) - value), `row ${row}`).toBeLessThan(2e-5);
    }
  } finally {
    await opened.close();
  }
});
