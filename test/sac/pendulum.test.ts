/**
 * @file SAC solves Pendulum-v1 like the published curves: every seed of golden/sb3_pendulum_curve.json is above −200
 * from step 8,000 on.
 */
import { expect, test } from "vitest";
import { trainPendulum } from "../../trainer/sac/train-pendulum.js";

test("the mean return reaches −200 within 10,000 steps and stays there for two evaluations", {
  timeout: 600_000,
}, async () => {
  const means: number[] = [];
  for await (const { mean } of trainPendulum({
    seed: 1,
    steps: 10_000,
    convention: "sb3",
    replay: "uniform",
    learner: "onnx",
    device: "cpu",
    threads: 1,
  })) {
    means.push(mean);
    if (means.slice(-2).every((value) => value >= -200) && means.length > 1) break;
  }
  expect(
    means.slice(-2).every((value) => value >= -200),
    `mean returns, every 1,000 steps: ${means.join(", ")}`,
  ).toBe(true);
});
