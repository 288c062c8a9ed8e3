/** @file Plugins in whole runs, by the command line: the examples, and the messages about those that fail. */
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { curveOf, readMetrics, readSamples } from "../../trainer/run-format/readers.js";
import { readRunEvents } from "../report/event-reader.js";
import { resultFiles, rls3, root, start, tiny } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";

const parent = temporaryFolder("plugin-runs");
const example = (name: string): string => path.join(root, "trainer/plugins/examples", `${name}.mjs`);
/** Random placement: plugins behave the same with any agent. */
const quick = (iterations = 2): string[] => [...tiny(iterations), "--agent", "random", "--seed", "3"];
const configOf = (folder: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path.join(folder, "config.json"), "utf8")) as Record<string, unknown>;

function module(name: string, text: string): string {
  const file = path.join(parent, `${name}.mjs`);
  writeFileSync(file, text);
  return file;
}

describe("a user's reward", () => {
  const paid = path.join(parent, "paid");
  const plugin = path.join(parent, "reward.mjs");
  cpSync(example("reward"), plugin);

  it("is what the agent learns from, in a run that repeats to the bit", async () => {
    const settings = [...tiny(2), "--seed", "3"];
    const { code, err } = await rls3("train", ...settings, "--plugin", plugin, "--out", paid);
    expect(code, err).toBe(0);
    const { configuration, plugin: described } = configOf(paid) as {
      configuration: Record<string, unknown>;
      plugin: Record<string, unknown>;
    };
    expect(configuration["reward"]).toBe("plugin");
    expect(described).toMatchObject({ name: "rare and hard", file: plugin });
    expect(described["sha256"]).toMatch(/^[0-9a-f]{64}$/);
    const again = path.join(parent, "again");
    expect((await rls3("train", ...settings, "--plugin", plugin, "--out", again)).code).toBe(0);
    expect(resultFiles(again)).toEqual(resultFiles(paid));
    // The plugin's pay: Σ (1 − p) / √(count of the rarest term), times β, over all steps.
    const [first] = await readSamples(paid);
    const metrics = await readMetrics(paid);
    const extrinsic = (metrics[1]?.rewardExtrinsic ?? 0) * (metrics[1]?.generated ?? 0);
    expect(extrinsic).toBeGreaterThan(0);
    const beta = Number(configuration["extrinsicWeight"]);
    expect(extrinsic / beta).toBeLessThanOrEqual(first?.samples.length ?? 0);
    const plain = path.join(parent, "plain");
    expect((await rls3("train", ...settings, "--out", plain)).code).toBe(0);
    expect((await readMetrics(plain))[1]?.rewardExtrinsic).not.toBe(metrics[1]?.rewardExtrinsic);
    expect(configOf(plain)).not.toHaveProperty("plugin");
  }, 240_000);

  it("changed in the middle is refused on resume; moved is not", async () => {
    const folder = path.join(parent, "changed");
    const run = start("train", ...quick(20), "--plugin", plugin, "--out", folder);
    await run.said("iteration 1/");
    run.child.kill("SIGKILL");
    await run.ended;
    const text = readFileSync(plugin, "utf8");
    writeFileSync(plugin, text.replace("1 - probability", "2 - probability"));
    const refused = await rls3("train", "--resume", folder);
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(
      /reward\.mjs: was changed since the run began \(sha256 .*\), which would make it another run; put it back/,
    );
    const moved = module("moved", text);
    const resumed = start("train", "--resume", folder, "--plugin", moved);
    await resumed.said("iteration 3/");
    resumed.child.kill("SIGINT");
    expect((await resumed.ended).code).toBe(130);
    writeFileSync(plugin, text);
    expect((await rls3("train", "--resume", folder, "--plugin", example("callbacks"))).code).toBe(2);
  }, 240_000);

  it("that gives NaN ends the run with exit code 2, plugin, hook and sample named, and nothing of the iteration written", async () => {
    const bad = module("bad", 'export default { name: "bad", reward: (samples) => samples.map(() => Number.NaN) };');
    const folder = path.join(parent, "bad");
    const { code, err } = await rls3("train", ...quick(), "--plugin", bad, "--out", folder);
    expect(code, err).toBe(2);
    expect(err).toMatch(
      /^rls3: plugin bad: reward gave NaN for sample 0 of iteration 1 \(episode \d+, step \d+\); it must be a finite number$/m,
    );
    expect(await readMetrics(folder)).toHaveLength(1);
    expect(existsSync(path.join(folder, "samples"))).toBe(false);
  }, 120_000);

  it("is required by --reward plugin", async () => {
    const folder = path.join(parent, "none");
    const { code, err } = await rls3("train", ...quick(), "--reward", "plugin", "--out", folder);
    expect([code, existsSync(folder)]).toEqual([2, false]);
    expect(err).toContain("--reward plugin: needs --plugin FILE, a module with a reward");
  });
});

describe("a module that does not load", () => {
  it.each([
    ["export default {", /does not load: SyntaxError: Unexpected end of input/],
    ['\nthrow new RangeError("no\\nluck");', /does not load: RangeError: no luck \(unloaded\.mjs:2:7\)$/m],
  ])("is refused before anything is written: %j", async (text, message) => {
    const folder = path.join(parent, "unloaded");
    const { code, err } = await rls3("train", ...quick(), "--plugin", module("unloaded", text), "--out", folder);
    expect([code, existsSync(folder)]).toEqual([2, false]);
    expect(err).toMatch(message);
  });
});

describe("callbacks", () => {
  it("get every sample and iteration, and change nothing", async () => {
    const [told, untold] = [path.join(parent, "told"), path.join(parent, "untold")];
    const { code, err } = await rls3("train", ...quick(), "--plugin", example("callbacks"), "--out", told);
    expect(code, err).toBe(0);
    const lines = readFileSync(path.join(told, "hardest.tsv"), "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^0\t\d+\.\d %\tno sample yet$/);
    expect(lines[2]).toMatch(/^2\t\d+\.\d %\tThe .* the .*\.$/);
    expect((await rls3("train", ...quick(), "--out", untold)).code).toBe(0);
    const files = resultFiles(told);
    files.delete("hardest.tsv");
    // A checkpoint records the plugin's digest, which must not change; all numbers are the same.
    for (const [name, bytes] of resultFiles(untold)) {
      if (!name.startsWith("checkpoints/")) expect(files.get(name) === bytes, name).toBe(true);
    }
    expect([...files.keys()]).toEqual([...resultFiles(untold).keys()]);
  }, 240_000);

  it("that throw are named, and the run goes on from before the iteration", async () => {
    const bad = module(
      "throws",
      'export default { name: "throws", callbacks: { onSample({ iteration }) { if (iteration === 2) throw "enough"; } } };',
    );
    const folder = path.join(parent, "throws");
    const { code, err } = await rls3("train", ...quick(), "--plugin", bad, "--out", folder);
    expect(code, err).toBe(2);
    expect(err).toContain("rls3: plugin throws: callbacks.onSample threw enough");
    const again = await rls3("train", "--resume", folder);
    expect([again.code, again.err.includes("callbacks.onSample threw")]).toEqual([2, true]);
  }, 120_000);
});

describe("a user's evaluation", () => {
  it("has its measures in plugin.csv and TensorBoard, through a kill", async () => {
    const folder = path.join(parent, "measured");
    const run = start("train", ...quick(3), "--plugin", example("evaluation"), "--out", folder);
    await run.said("iteration 1/");
    run.child.kill("SIGKILL");
    await run.ended;
    const { code, err } = await rls3("train", "--resume", folder);
    expect(code, err).toBe(0);
    const [header, ...rows] = readFileSync(path.join(folder, "plugin.csv"), "utf8").trimEnd().split("\n");
    expect(header).toBe("iteration,generated,valid,first_object,certainty");
    expect(rows.map((row) => row.split(",")[0])).toEqual(["0", "1", "2", "3"]);
    const certainty = rows.map((row) => Number(row.split(",")[4]));
    for (const value of certainty) expect(value).toBeGreaterThan(0);
    const points = readRunEvents(folder).get("plugin/certainty") ?? [];
    expect(points.map(({ value }) => value.simpleValue)).toEqual(certainty.map(Math.fround));
    const whole = path.join(parent, "measured-whole");
    expect((await rls3("train", ...quick(3), "--plugin", example("evaluation"), "--out", whole)).code).toBe(0);
    expect(resultFiles(folder)).toEqual(resultFiles(whole));
  }, 240_000);
});

describe("a user's agent", () => {
  it("is an arm of a comparison, by default before those that ship", async () => {
    const folder = path.join(parent, "compared");
    const { code, err } = await rls3(
      "compare",
      ...tiny(2),
      "--seeds",
      "1",
      "--plugin",
      example("agent"),
      "--out",
      folder,
      "--json",
    );
    expect(code, err).toBe(0);
    expect(Object.keys(configOf(folder)["configuration"] as object)).toEqual(["plugin", "rls3", "random"]);
    for (const arm of ["plugin", "rls3", "random"]) {
      expect(curveOf(await readMetrics(path.join(folder, "runs", `${arm}-0`)))).toHaveLength(3);
      expect(configOf(path.join(folder, "runs", `${arm}-0`))["plugin"]).toMatchObject({ name: "imitator" });
    }
    expect((await rls3("compare", "--resume", folder)).code).toBe(0);
  }, 240_000);

  it("continues from its state to the same files", async () => {
    const [whole, killed] = [path.join(parent, "agent-whole"), path.join(parent, "agent-killed")];
    const settings = [...tiny(3), "--seed", "5", "--plugin", example("agent")];
    expect((await rls3("train", ...settings, "--out", whole)).code).toBe(0);
    const run = start("train", ...settings, "--out", killed);
    await run.said("iteration 1/");
    run.child.kill("SIGKILL");
    await run.ended;
    const { code, err } = await rls3("train", "--resume", killed);
    expect(code, err).toBe(0);
    expect(err).not.toContain("is finished");
    expect(resultFiles(killed)).toEqual(resultFiles(whole));
  }, 240_000);

  it("that throws is named with the method and the place", async () => {
    const text = readFileSync(example("agent"), "utf8").replace(
      "remember(transitions) {",
      'remember() { throw new Error("full");',
    );
    const { code, err } = await rls3(
      "train",
      ...tiny(1),
      "--plugin",
      module("full", text),
      "--out",
      path.join(parent, "full"),
    );
    expect(code, err).toBe(2);
    expect(err).toMatch(/plugin imitator: agent\.remember threw Error: full \(full\.mjs:\d+:\d+\)/);
  }, 120_000);
});

describe("a user's vocabulary", () => {
  it("determines what the model is asked and trained on", async () => {
    const folder = path.join(parent, "german");
    const { code, err } = await rls3(
      "train",
      ...quick(),
      "--answer",
      "{a}: {relation} {b}",
      "--plugin",
      example("vocabulary"),
      "--out",
      folder,
    );
    expect(code, err).toBe(0);
    const captions = (await readSamples(folder)).flatMap(({ samples }) => samples.flatMap((sample) => sample.captions));
    expect(captions.length).toBeGreaterThan(20);
    for (const { right } of captions)
      expect(right).toMatch(/^[\w -]+: (?:(?:rechts von|links von|hinter|vor|über|unter)(?:, | und | ))+[\w -]+$/);
  }, 120_000);
});

describe("a sweep with a plugin", () => {
  it("passes it to every cell, and refuses another one in its folder", async () => {
    const folder = path.join(parent, "sweep");
    const plugin = module("swept", readFileSync(example("reward"), "utf8"));
    const sweep = (file: string) =>
      rls3(
        "sweep",
        ...tiny(1),
        "--agent",
        "random",
        "--reward",
        "sample,plugin",
        "--seeds",
        "1",
        "--plugin",
        file,
        "--no-estimate",
        "--out",
        folder,
      );
    const { code, err } = await sweep(plugin);
    expect(code, err).toBe(0);
    const { cells } = JSON.parse(readFileSync(path.join(folder, "sweep.json"), "utf8")) as {
      cells: { name: string; plugin: { file: string; sha256: string }; configuration: { reward: string } }[];
    };
    expect(cells.map(({ configuration }) => configuration.reward)).toEqual(["sample", "plugin"]);
    for (const { name, plugin: held } of cells) {
      const { file, sha256 } = configOf(path.join(folder, "cells", name))["plugin"] as typeof held;
      expect({ file, sha256 }).toEqual(held);
    }
    expect(readFileSync(path.join(folder, "sweep.csv"), "utf8")).toContain(`--plugin ${plugin}`);
    expect((await sweep(plugin)).code).toBe(0);
    const other = module("other", `${readFileSync(plugin, "utf8")}// another\n`);
    const refused = await sweep(other);
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(
      /holds a sweep with the plugin .*swept\.mjs of sha256 .*, and this one has the plugin .*other\.mjs/,
    );
  }, 240_000);
});
