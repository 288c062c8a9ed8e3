import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { ARCHITECTURES } from "../../trainer/vlm/architectures.js";
import { temporaryFolder } from "../temporary.js";
import { resultFiles, rls3, root, start, TINY_MODEL, tiny } from "./runs.js";

const RUNS = [
  { model: "siglip-tiny", targets: "vision_model.*", options: [] },
  { model: "paligemma2-tiny", targets: ".*", options: ["--objective", "both", "--agent", "paper"] },
  { model: "llava-tiny", targets: ".*language_model.*", options: ["--prompt", "Where is {a} to {b}?"] },
] as const;

describe("the loop with another architecture and LoRA's other settings", () => {
  it.each(RUNS)(
    "trains $model, goes on after an interruption to the same files, and leaves an adapter",
    {
      timeout: 240_000,
    },
    async ({ model, targets, options }) => {
      const folder = temporaryFolder(model);
      const [whole, resumed] = [path.join(folder, "whole"), path.join(folder, "resumed")];
      const flags = (out: string): string[] => [
        "train",
        ...tiny(2).map((flag) => (flag === TINY_MODEL ? path.join(root, "test/golden", model) : flag)),
        ...["--lora-targets", targets, "--lora-dropout", ".1", "--accumulation", "2"],
        ...options,
        ...["--seed", "5", "--out", out],
      ];
      const { code, err } = await rls3(...flags(whole));
      expect(code, err).toBe(0);
      const run = start(...flags(resumed));
      await run.said("iteration 1/");
      run.child.kill("SIGKILL");
      expect((await run.ended).signal).toBe("SIGKILL");
      const rest = await rls3("train", "--resume", resumed);
      expect(rest.code, rest.err).toBe(0);
      for (const [name, bytes] of resultFiles(whole)) expect(bytes === resultFiles(resumed).get(name), name).toBe(true);
      const config = JSON.parse(readFileSync(path.join(whole, "adapter/adapter_config.json"), "utf8")) as object;
      expect(config).toMatchObject({ target_modules: targets, lora_dropout: 0.1 });
      expect(existsSync(path.join(whole, "adapter/adapter_model.safetensors"))).toBe(true);
    },
  );
});

it("a run without feasibility steps works, and says that captions are cut", async () => {
  const out = path.join(temporaryFolder("cut"), "run");
  const flags = tiny(1);
  flags[flags.indexOf("--feasibility-steps") + 1] = "0";
  const answer = `${"really ".repeat(90)}{relation} {a} {b}`;
  const { code, err } = await rls3("train", ...flags, "--answer", answer, "--out", out);
  expect(code, err).toBe(0);
  expect(err.replace(/\s+/g, " ")).toMatch(
    /captions are longer than the \d+ tokens that the model reads, and cut: "really/,
  );
});

describe("the list of architectures", () => {
  it("matches the table on the models' page", () => {
    const page = readFileSync(path.join(root, "trainer/vlm/README.md"), "utf8");
    const rows = [...page.matchAll(/^\| `([a-z0-9_]+)` \|/gm)].map(([, name]) => name);
    expect(rows).toEqual(ARCHITECTURES.map(({ name }) => name));
  });
});
