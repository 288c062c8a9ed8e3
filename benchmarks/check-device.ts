/**
 * @file `npm run check -- cuda`: tests everything that a device must do, in one command of a few minutes: reference
 * numbers of each family of models, a quick run of the loop, and the benchmarks of the models. Prints the outcome as
 * JSON.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { EXIT, exitCodeOf } from "../trainer/cli/outcome.js";
import { writeDurably } from "../trainer/files/durable-file.js";
import { chooseDevice } from "../trainer/graph/index.js";
import { isModelDirectory } from "../trainer/vlm/architectures.js";
import { verify } from "../trainer/vlm/verification/index.js";
import { vlmBenchmarks } from "./performance/rates/vlm.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../..");
const main = path.join(root, "dist/trainer/cli/main.js");

const { _: positional, out } = await yargs(hideBin(process.argv))
  .scriptName("npm run check --")
  .usage(
    "$0 DEVICE: compares a device with reference numbers, trains on it, and times it; exit code 3 where it is not there",
  )
  .option("out", { type: "string", describe: "also write the JSON document to this file" })
  .demandCommand(1, 1, "name a device: cuda, cuda:N, webgpu or cpu")
  .strictOptions()
  .parse();

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Model directories with reference numbers, for the known architectures. */
function goldenModels(): string[] {
  const golden = process.env["RLS3_GOLDEN"] ?? path.join(root, "test/golden");
  return readdirSync(golden)
    .map((name) => path.join(golden, name))
    .filter(isModelDirectory);
}

interface Loop {
  readonly seconds: number;
  readonly passed: boolean;
  readonly said: string;
}

/** A quick run, including pictures, model and agent. */
function quickLoop(device: string): Loop {
  const folder = mkdtempSync(path.join(os.tmpdir(), "rls3-check-"));
  try {
    const start = performance.now();
    const flags = ["train", "--quick", "--device", device, "--out", path.join(folder, "run"), "--quiet"];
    const { status, stderr } = spawnSync(process.execPath, [main, ...flags], { encoding: "utf8" });
    const seconds = Math.round((performance.now() - start) / 1000);
    return { seconds, passed: status === 0, said: stderr.trim().split("\n").at(-1) ?? "" };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function check(asked: string): Promise<boolean> {
  const { device, reason } = await chooseDevice(asked);
  say(`device: ${reason}`);
  const runtime = { device, threads: Math.min(os.availableParallelism(), 8) };
  const models = [];
  for (const directory of goldenModels()) {
    const { compared, failures } = await verify(directory, runtime);
    say(`${path.basename(directory)}: ${compared} compared, ${failures.length} failed`);
    models.push({ model: path.basename(directory), compared, failures });
  }
  const loop = quickLoop(device);
  say(`quick run: ${loop.passed ? "passed" : `failed: ${loop.said}`} (${loop.seconds} s)`);
  const rates = [];
  for (const { name, counts, measure } of vlmBenchmarks(runtime)) {
    const { value, floor, note } = await measure();
    say(`${name}: ${value.toFixed(1)} ${counts}/s (${note})`);
    rates.push({ name, value, counts, floor, note });
  }
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).stdout.trim();
  const machine = {
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    node: process.version,
  };
  const document = `${JSON.stringify({ device, reason, commit, machine, models, loop, rates }, null, 2)}\n`;
  process.stdout.write(document);
  if (out !== undefined) writeDurably(out, document);
  return loop.passed && models.every(({ compared, failures }) => compared > 0 && failures.length === 0);
}

try {
  process.exitCode = (await check(String(positional[0]))) ? EXIT.done : EXIT.no;
} catch (error) {
  const { code, message } = exitCodeOf(error);
  say(message);
  process.exitCode = code;
}
