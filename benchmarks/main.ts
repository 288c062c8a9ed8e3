/**
 * @file `npm run bench -- [NAME…] [--json]`: performance, each value with its floor and the machine that measured it.
 */
import { readdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import type { Benchmark } from "./performance/rates/benchmark.js";

interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: "/s";
  readonly counts: string;
  readonly floor?: number;
  readonly ratio?: number;
  readonly note?: string;
  readonly shapes?: readonly string[];
}

const { json, _: named } = await yargs(hideBin(process.argv))
  .scriptName("npm run bench --")
  .usage(
    "$0 [NAME…]: rates of all benchmarks, or of those with names that begin like this, on an otherwise idle machine",
  )
  .option("json", { type: "boolean", default: false, describe: "one JSON document, with the shapes of floors" })
  .strictOptions()
  .parse();
const wanted = named.map(String);
const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), "performance/rates");
const all: Benchmark[] = [];
for (const file of readdirSync(folder).sort()) {
  if (!file.endsWith(".js") || file === "benchmark.js") continue;
  const module = (await import(pathToFileURL(path.join(folder, file)).href)) as { benchmarks?: readonly Benchmark[] };
  all.push(...(module.benchmarks ?? []));
}
/** By name, or by the first part of it up to a dot. */
const means = (name: string, { name: own }: Benchmark): boolean => own === name || own.startsWith(`${name}.`);
const unknown = wanted.filter((name) => !all.some((benchmark) => means(name, benchmark)));
if (unknown.length > 0) {
  console.error(`no benchmark named ${unknown.join(", ")}; there are: ${all.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const processors = os.cpus();
const machine = {
  processor: processors[0]?.model.trim() ?? "unknown",
  cores: processors.length,
  memoryGiB: Math.round(os.totalmem() / 2 ** 30),
  system: `${os.platform()} ${os.release()} ${os.arch()}`,
  node: process.version,
};
const round = (value: number): number => Number(value.toPrecision(4));
const results: Result[] = [];
if (!json)
  console.log(
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`,
  );
for (const benchmark of all) {
  if (wanted.length > 0 && !wanted.some((name) => means(name, benchmark))) continue;
  const { value, floor, note, shapes } = await benchmark.measure();
  const result: Result = {
    name: benchmark.name,
    value: round(value),
    unit: "/s",
    counts: benchmark.counts,
    ...(floor === undefined ? {} : { floor: round(floor), ratio: round(value / floor) }),
    ...(note === undefined ? {} : { note }),
    ...(shapes === undefined ? {} : { shapes }),
  };
  results.push(result);
  if (!json) {
    const beside = result.floor === undefined ? "" : `, floor ${result.floor}, ratio ${result.ratio}`;
    console.log(`${result.name.padEnd(18)} ${result.value} ${result.counts}/s${beside}`);
    if (note !== undefined) console.log(`  ${note}`);
  }
}
if (json) console.log(JSON.stringify({ machine, results }, null, 2));
process.exit(0);
