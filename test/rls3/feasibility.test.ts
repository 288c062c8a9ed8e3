import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Configuration, resolveConfiguration } from "../../trainer/rls3/configuration.js";
import { silent } from "../../trainer/rls3/progress.js";
import { run } from "../../trainer/rls3/run.js";
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

  it("is kept once, and runs that begin with it are equal to the bit to one that learned it itself", () => {
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

  it("serves runs that differ in what matters later only, and no other ones", async () => {
    await start("later", tiny({ E: 3, klBudget: 1, extrinsicWeight: 2, proposals: 8 }), pretrained);
    expect(phases).not.toContain("later: feasibility");
    expect(kept()).toHaveLength(1);
    await start("other", tiny({ seed: 1 }), pretrained);
    expect(phases).toContain("other: feasibility");
    expect(kept()).toHaveLength(2);
  }, 60_000);
});
