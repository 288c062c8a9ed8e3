/**
 * @file `node dist/benchmarks/paired.js --with CHECKOUT NAME… [--rounds 5] [--json]`: runs benchmarks alternately here
 * and in another built checkout, so that a noisy machine slows both alike. Prints the ratio of the rates for each
 * round, and the median.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { z } from "zod";
import { at } from "../trainer/at.js";
import { provenance } from "../trainer/runs/provenance.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const output = z.object({
  machine: z.record(z.string(), z.unknown()),
  results: z.array(
    z.object({ name: z.string(), value: z.number(), floor: z.number().optional(), note: z.string().optional() }),
  ),
});

const {
  with: other,
  rounds,
  json,
  _: names,
} = await yargs(hideBin(process.argv))
  .scriptName("node dist/benchmarks/paired.js")
  .usage("$0 --with CHECKOUT NAME…: benchmarks here and there, in turn")
  .options({
    with: { type: "string", demandOption: true, requiresArg: true, describe: "another checkout, built" },
    rounds: { type: "number", default: 5, describe: "each measures there, then here" },
    json: { type: "boolean", default: false, describe: "one JSON document" },
  })
  .wrap(80)
  .strictOptions()
  .parse();

function fail(message: string): never {
  process.stderr.write(`paired: ${message}\n`);
  process.exit(2);
}

function measured(checkout: string, name: string): { rate: number; floor: number | null } {
  const program = path.join(checkout, "dist/benchmarks/main.js");
  if (!existsSync(program))
    fail(`${checkout}: is no built checkout; run "npm run build" there, or name another folder`);
  const run = spawnSync(process.execPath, [program, "--json", name], { cwd: checkout, encoding: "utf8" });
  if (run.status !== 0) fail(`${checkout}: the benchmark ${name} failed: ${run.stderr.trim()}`);
  const [result] = output.parse(JSON.parse(run.stdout)).results;
  if (result === undefined) return fail(`${checkout}: the benchmark ${name} printed no result`);
  return { rate: result.value, floor: result.floor ?? null };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (at(sorted, Math.ceil(middle) - 1) + at(sorted, Math.floor(middle))) / 2;
}

const commitOf = (checkout: string): string =>
  spawnSync("git", ["rev-parse", "HEAD"], { cwd: checkout, encoding: "utf8" }).stdout.trim();

const round = (value: number): number => Number(value.toPrecision(4));
const results = names.map(String).map((name) => {
  const pairs = Array.from({ length: rounds }, () => ({ there: measured(other, name), here: measured(root, name) }));
  const ratios = pairs.map(({ there, here }) => round(here.rate / there.rate));
  const ofFloor = pairs.flatMap(({ here: { rate, floor } }) => (floor === null ? [] : [round(rate / floor)]));
  const result = {
    name,
    here: pairs.map(({ here }) => here.rate),
    there: pairs.map(({ there }) => there.rate),
    ratios,
    ratio: round(median(ratios)),
    ...(ofFloor.length === 0 ? {} : { ofFloor, ofFloorMedian: round(median(ofFloor)) }),
  };
  if (!json) {
    const floor = ofFloor.length === 0 ? "" : `; ${result.ofFloorMedian} of its floor`;
    process.stdout.write(`${name}: ${result.ratio} times the rate there (${ratios.join(", ")})${floor}\n`);
  }
  return result;
});
const { commit, machine } = provenance();
if (json)
  process.stdout.write(`${JSON.stringify({ here: commit, there: commitOf(other), machine, results }, null, 1)}\n`);
