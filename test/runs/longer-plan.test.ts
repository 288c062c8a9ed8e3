/** @file A run with a longer plan, and one that starts from an adapter. */
import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary.js";
import { resultFiles, rls3, start, TINY_MODEL, tiny } from "./runs.js";

const parent = temporaryFolder("longer");
const at = (name: string): string => path.join(parent, name);
/** Every file by name, with a digest, since a diff of bytes says nothing. */
const files = (folder: string): [string, string][] =>
  [...resultFiles(folder)].map(([name, bytes]) => [name, createHash("sha256").update(bytes).digest("hex")]);

async function trained(name: string, ...args: readonly string[]): Promise<string> {
  const { code, err } = await rls3("train", ...args, "--out", at(name));
  expect(code, err).toBe(0);
  return at(name);
}

async function refused(message: RegExp, ...args: readonly string[]): Promise<void> {
  const { code, err } = await rls3("train", ...args);
  expect(code, err).toBe(2);
  expect(err).toMatch(message);
}

describe("a run that continues beyond its end", () => {
  const patient = ["--patience", "100", "--seed", "7"];
  beforeAll(async () => {
    await trained("short", ...tiny(3), ...patient);
    await trained("long", ...tiny(5), ...patient);
  }, 240_000);

  it("has the same files as one planned that long from the start, to the bit, killed on the way or not", async () => {
    const short = at("short");
    const run = start("train", "--resume", short, "--iterations", "5");
    await run.said("iteration 4/5");
    run.child.kill("SIGKILL");
    const { signal } = await run.ended;
    expect(signal).toBe("SIGKILL");
    const { code, err } = await rls3("train", "--resume", short);
    expect(code, err).toBe(0);
    expect(files(short)).toEqual(files(at("long")));
    const config = JSON.parse(readFileSync(path.join(short, "config.json"), "utf8")) as Record<string, unknown>;
    expect(config["continued"]).toEqual([`rls3 train --resume ${short} --iterations 5`]);
    expect(config["configuration"]).toMatchObject({ iterations: 5 });
  }, 240_000);

  it("can continue to a number of valid samples, too", async () => {
    const budget = await trained("budget", ...tiny(), "--agent", "random", "--valid-samples", "30");
    const { code, err } = await rls3("train", "--resume", budget, "--valid-samples", "90");
    expect(code, err).toBe(0);
    const whole = await trained("whole-budget", ...tiny(), "--agent", "random", "--valid-samples", "90");
    expect(files(budget)).toEqual(files(whole));
  }, 240_000);

  it("refuses a plan that is not longer", async () => {
    const long = at("long");
    const before = files(long);
    await refused(
      /--iterations 4: .* has a plan of 5 already, and it can only grow/,
      "--resume",
      long,
      "--iterations",
      "4",
    );
    await refused(/leave the other settings out/, "--resume", long, "--iterations", "6", "--beta", "2");
    await refused(/leave the other settings out/, "--resume", long, "--iterations", "6", "--keep-pictures");
    await refused(/one of them/, "--resume", long, "--iterations", "6", "--valid-samples", "900");
    await refused(/has \d+ already; give more/, "--resume", long, "--valid-samples", "3");
    await refused(/--restart: begins/, "--resume", long, "--iterations", "6", "--restart");
    expect(files(long)).toEqual(before);
    const config = path.join(long, "config.json");
    const text = readFileSync(config, "utf8");
    writeFileSync(config, text.replace('"iterations": 5', '"iterations": 4'));
    await refused(/iterations was 5 and is 4 now/, "--resume", long);
    writeFileSync(config, text);
    await refused(/ends by its valid samples \(90\)/, "--resume", at("budget"), "--iterations", "9");
  }, 240_000);
});

describe("a run that starts from an adapter", () => {
  const once = [...tiny(1), "--agent", "random"];
  /** Accuracy in the row before the first iteration, and the whole last row. */
  const accuracies = (run: string): (string | undefined)[] => {
    const [head = "", first = ""] = readFileSync(path.join(run, "metrics.csv"), "utf8").split("\n");
    const column = head.split(",").indexOf("naturalOneTerm");
    return [first.split(",")[column], first.split(",")[head.split(",").indexOf("accuracyOneTerm")]];
  };

  it("begins where that one ended, keeps its rank, and uses the given base name", async () => {
    const first = await trained("first", ...tiny(2), "--agent", "random", "--lora-rank", "4", "--no-early-stopping");
    const adapter = path.join(first, "adapter");
    const second = await trained("second", ...once, "--adapter", adapter, "--base-name", "openai/clip");
    const rows = readFileSync(path.join(first, "metrics.csv"), "utf8").trimEnd().split("\n");
    const column = (rows[0] ?? "").split(",").indexOf("accuracyOneTerm");
    expect(accuracies(second)[1]).toBe((rows.at(-1) ?? "").split(",")[column]);
    const written = JSON.parse(readFileSync(path.join(second, "adapter", "adapter_config.json"), "utf8")) as object;
    expect(written).toMatchObject({ r: 4, base_model_name_or_path: "openai/clip", peft_type: "LORA" });
    // The same again, interrupted and resumed.
    const again = at("again");
    const run = start("train", ...once, "--adapter", adapter, "--base-name", "openai/clip", "--out", again);
    await run.said("iteration 0/");
    run.child.kill("SIGKILL");
    await run.ended;
    const { code, err } = await rls3("train", "--resume", again);
    expect(code, err).toBe(0);
    expect(files(again)).toEqual(files(second));
  }, 240_000);

  it("refuses one that does not fit, does not exist, or has changed", async () => {
    const adapter = path.join(at("first"), "adapter");
    const out = ["--out", at("none")];
    await refused(/there is no such folder/, ...once, "--adapter", at("nowhere"), ...out);
    await refused(/adapter_config\.json is missing/, ...once, "--adapter", TINY_MODEL, ...out);
    await refused(
      /--lora-rank: the adapter of --adapter has its own/,
      ...once,
      "--adapter",
      adapter,
      "--lora-rank",
      "8",
      ...out,
    );
    await refused(/--base-name: .*--fine-tuning full/, ...once, "--base-name", "x", "--fine-tuning", "full", ...out);
    const bundled = ["--vlm", "bundled", ...once.slice(2)];
    await refused(/adapter_model\.safetensors/, ...bundled, "--adapter", adapter, ...out);
    expect(existsSync(at("none"))).toBe(false);
    const moved = at("moved");
    cpSync(adapter, moved, { recursive: true });
    const run = await trained("from-moved", ...once, "--adapter", moved);
    const config = path.join(moved, "adapter_config.json");
    writeFileSync(config, readFileSync(config, "utf8").replace('"lora_alpha": 32', '"lora_alpha": 16'));
    await refused(/it was changed since/, "--resume", run, "--iterations", "2");
  }, 240_000);
});
