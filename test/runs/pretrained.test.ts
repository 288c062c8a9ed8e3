import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EnvironmentLink } from "../../trainer/environments/environment-link.js";
import { openEnvironments } from "../../trainer/environments/open-environments.js";
import { readTensorFile } from "../../trainer/files/tensor-file.js";
import { silent } from "../../trainer/progress.js";
import { openAgent } from "../../trainer/runs/parts.js";
import { runInProcess } from "../../trainer/runs/pool.js";
import { learnOnlineOnce } from "../../trainer/runs/pretrained.js";
import { run } from "../../trainer/runs/run.js";
import { type Configuration, resolveConfiguration } from "../../trainer/settings/configuration.js";
import { temporaryFolder } from "../temporary.js";
import { resultFiles, TINY_MODEL } from "./runs.js";

const tiny = (values: Record<string, unknown> = {}): Configuration =>
  resolveConfiguration([
    { name: "test", values: { vlm: TINY_MODEL, device: "cpu", E: 2, T0: 5, iterations: 1, batchSize: 4, epochs: 1 } },
    { name: "test", values: { feasibilitySteps: 400, feasibilityUpdates: 20, updatesPerIteration: 10 } },
    { name: "test", values: { testImagesPerRelation: 1, validationImagesPerRelation: 1, naturalImages: 2 } },
    { name: "test", values: { replayCapacity: 2000, ...values } },
  ]);

describe("an agent that has learned feasibility", () => {
  const folder = temporaryFolder("feasibility");
  const shared = path.join(folder, "shared");
  const pretrained = path.join(folder, "pretrained");
  const phases: string[] = [];
  const start = (name: string, configuration: Configuration, kept?: string) => {
    const progress = { ...silent, begin: (phase: string) => void phases.push(`${name}: ${phase}`) };
    const plan = { folder: path.join(folder, name), configuration, command: "test", shared, earlyStopping: false };
    return run({ ...plan, ...(kept === undefined ? {} : { pretrained: kept }) }, "new", { progress });
  };
  const kept = (): string[] => readdirSync(pretrained);

  beforeAll(async () => {
    await start("alone", tiny());
    await start("first", tiny(), pretrained);
    await start("second", tiny(), pretrained);
  }, 120_000);

  it("is stored once, and runs that start from it equal one that learned it itself, to the bit", () => {
    expect(kept()).toEqual([expect.stringMatching(/^feasible-[0-9a-f]{16}\.safetensors$/)]);
    expect(phases).toContain("first: feasibility");
    expect(phases).not.toContain("second: feasibility");
    const [alone, ...others] = ["alone", "first", "second"].map((name) => resultFiles(path.join(folder, name)));
    for (const files of others) {
      expect([...files.keys()]).toEqual([...(alone?.keys() ?? [])]);
      for (const [name, bytes] of files) expect(bytes === alone?.get(name), name).toBe(true);
    }
    expect(readFileSync(path.join(folder, "second", "metrics.csv"), "utf8")).toContain("accuracyOneTerm");
  });

  it("serves runs that differ only in what matters later, and no others", async () => {
    await start("later", tiny({ E: 3, klBudget: 1, extrinsicWeight: 2, proposals: 8 }), pretrained);
    expect(phases).not.toContain("later: feasibility");
    expect(kept()).toHaveLength(1);
    await start("other", tiny({ seed: 1 }), pretrained);
    expect(phases).toContain("other: feasibility");
    expect(kept()).toHaveLength(2);
  }, 60_000);
});

describe("online pre-training", () => {
  const folder = temporaryFolder("online");
  let environments: EnvironmentLink;
  beforeAll(async () => {
    environments = await openEnvironments({ env: "embedded", world: "rooms", count: 16, imageSize: 32 }, silent);
  }, 60_000);
  afterAll(() => environments.close());

  const online = (values: Record<string, unknown> = {}): Configuration =>
    tiny({ agent: "paper", feasibilitySteps: 12_000, feasibilityUpdates: 24, replayCapacity: 20_000, ...values });

  /** One run's pre-training; `advanced` is called for every block, and may stop it there. */
  async function learn(
    shared: string,
    configuration: Configuration,
    advanced: (done: number) => void = () => undefined,
  ) {
    const agent = await openAgent(configuration, environments.world, silent);
    try {
      const curve = await learnOnlineOnce({
        ...{ agent, configuration, environments, pretrained: null, shared: path.join(folder, shared) },
        progress: { ...silent, advance: advanced },
      });
      return { curve, state: await agent.state() };
    } finally {
      await agent.close();
    }
  }

  it("stopped in the middle goes on from there, to the bit", async () => {
    const whole = await learn("whole", online());
    expect(whole.curve).toHaveLength(12);
    // About half of random placements are valid.
    expect(whole.curve[0]).toBeGreaterThan(0.3);
    expect(whole.curve[0]).toBeLessThan(0.7);
    const blocks: number[] = [];
    const stop = (done: number): void => {
      blocks.push(done);
      if (done === 11_000) throw new Error("stopped");
    };
    await expect(learn("stopped", online(), stop)).rejects.toThrow("stopped");
    const again = await learn("stopped", online(), (done) => void blocks.push(done));
    // Saved after ten blocks: only what came after is repeated.
    expect(blocks.slice(-2)).toEqual([11_000, 12_000]);
    expect(blocks).toHaveLength(13);
    expect(again).toEqual(whole);
  }, 120_000);

  it("is done once for simultaneous runs that need the same, whatever their β and E", async () => {
    const shared = path.join(folder, "shared");
    const begun: string[] = [];
    const start = (name: string, values: Record<string, unknown>) => {
      const progress = { ...silent, begin: (phase: string) => void begun.push(phase) };
      const configuration = online({ feasibilitySteps: 3000, ...values });
      const plan = { folder: path.join(folder, name), configuration, command: "test", shared, earlyStopping: false };
      return runInProcess(plan, progress, new AbortController().signal);
    };
    await Promise.all([start("one", {}), start("other", { extrinsicWeight: 3, E: 3 })]);
    expect(begun.filter((phase) => phase === "feasibility, online")).toHaveLength(1);
    expect(readdirSync(shared).filter((name) => name.startsWith("feasible-"))).toHaveLength(1);
    await start("again", {});
    expect(begun.filter((phase) => phase === "feasibility, online")).toHaveLength(1);
    const metrics = (name: string): string => readFileSync(path.join(folder, name, "metrics.csv"), "utf8");
    expect(metrics("again")).toBe(metrics("one"));
    // T₀ valid samples are a time limit: no transition terminates the value.
    const { tensors } = readTensorFile(path.join(folder, "one", "checkpoints", "0001.safetensors"));
    const terminated = tensors["agent/replay/column.terminated"]?.data ?? [];
    expect(terminated.length).toBeGreaterThan(3000);
    expect([...terminated].every((value) => value === 0)).toBe(true);
  }, 120_000);
});
