/** @file A whole run on the host's states gives the same results, to the bit, as one on the embedded environment. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { resultFiles } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";
import { BUILD_TIMEOUT, describeHost, hostCommand } from "./host.js";

const program = path.resolve(import.meta.dirname, "../../trainer/cli/main.js");
const folder = temporaryFolder("trained");
const ITERATIONS = 2;
const EPISODES = 8;
const SAMPLES_PER_EPISODE = 20;

function train(name: string, environment: readonly string[]): string {
  const out = path.join(folder, name);
  // All checkpoints are stored; the first holds the agent after pre-training.
  const sizes = ["--iterations", String(ITERATIONS), "--checkpoints-kept", String(ITERATIONS + 1)];
  const sets = ["--test-images-per-relation", "2", "--natural-images", "20"];
  const args = ["train", "--quick", "--seed", "5", "--device", "cpu", ...sizes, ...sets, ...environment, "--out", out];
  const run = spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
  expect(run.status, run.stderr).toBe(0);
  return out;
}

describeHost("rls3 train --env dotnet --render embedded", () => {
  let embedded = new Map<string, string>();
  let dotnet = new Map<string, string>();
  beforeAll(() => {
    hostCommand();
    embedded = resultFiles(train("embedded", ["--env", "embedded"]));
    dotnet = resultFiles(train("dotnet", ["--env", "dotnet", "--render", "embedded"]));
  }, BUILD_TIMEOUT);

  /** Compares byte for byte, and expects at least `count` files. */
  function same(names: RegExp, count: number): void {
    const found = [...embedded.keys()].filter((name) => names.test(name));
    expect(found.length).toBeGreaterThanOrEqual(count);
    expect([...dotnet.keys()].filter((name) => names.test(name))).toEqual(found);
    for (const name of found) expect(dotnet.get(name) === embedded.get(name), name).toBe(true);
  }

  it("pre-trains on the same transitions to the same weights as --env embedded", () => {
    same(/^shared\/transitions\.safetensors$/, 1);
    same(/^checkpoints\/0000\.safetensors$/, 1);
  });

  it("trains on the same samples and pictures, one by one, in each of two iterations", () => {
    for (const iteration of ["0001", "0002"]) {
      same(new RegExp(`^samples/${iteration}\\.jsonl$`), 1);
      same(new RegExp(`^samples/${iteration}/.*\\.png$`), 8);
      const lines = Buffer.from(dotnet.get(`samples/${iteration}.jsonl`) ?? "", "base64").toString();
      expect(lines.trimEnd().split("\n")).toHaveLength(EPISODES * SAMPLES_PER_EPISODE);
    }
  });

  it("ends with the same metrics, test sets, checkpoints and adapter: no file differs", () => {
    same(/^(metrics|episodes)\.csv$/, 2);
    same(/^adapter\//, 2);
    same(/./, 30);
  });

  it("fails without --render embedded, and says that the host renders no images and what to do", () => {
    const args = ["train", "--quick", "--env", "dotnet", "--out", path.join(folder, "blind")];
    const run = spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
    expect(run.status).toBe(3);
    expect(run.stderr).toMatch(/renders no images.*--render embedded/);
  });
});
