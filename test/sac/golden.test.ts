/** @file SAC's updates and Pendulum-v1 equal the reference implementations. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { check as pendulum } from "../golden-checks/pendulum.js";
import { check as sac } from "../golden-checks/sac.js";

const golden = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../test/golden");

test("both learners compute CleanRL's and Stable-Baselines3's updates", async () => {
  const { compared, failures } = await sac(path.join(golden, "sac"));
  expect(failures).toEqual([]);
  expect(compared).toBeGreaterThan(100_000);
});

test("Pendulum-v1 steps as Gymnasium's", async () => {
  const { compared, failures } = await pendulum(path.join(golden, "pendulum"));
  expect(failures).toEqual([]);
  expect(compared).toBeGreaterThan(1000);
});
