/**
 * @file A sweep's overhead: cells per hour one at a time and two at a time, compared with what this machine's second
 * core adds to plain matrix products; and the time of a cell besides its run. A round is one cell alone, both at the
 * same time, then the other cell alone, so that a machine that gradually gets faster or slower affects both figures.
 * `node dist/benchmarks/performance/sweep-throughput.js --help`; on an otherwise idle machine.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { configurationOf, type Flags, readFlags, settingOptions } from "../../trainer/cli/options.js";
import { exitCodeOf, interruptible, printJson } from "../../trainer/cli/outcome.js";
import { showProgress } from "../../trainer/cli/progress.js";
import { InputError } from "../../trainer/errors.js";
import { matMulFloor } from "../../trainer/graph/matmul-floor.js";
import { provenance } from "../../trainer/runs/provenance.js";
import { SETTING_NAMES } from "../../trainer/settings/settings.js";
import type { Executor } from "../../trainer/sweep/executor.js";
import { local } from "../../trainer/sweep/local.js";
import { runSweep } from "../../trainer/sweep/sweep.js";
import { type Usage, usageOf } from "../../trainer/sweep/usage.js";
import { bestRate } from "./rates/benchmark.js";

/** With two idle cores, two cells at a time must do at least this many times the cells per hour. */
const FLOOR = 1.8;
/** The largest share of a cell's time that may be outside its run. */
const CEILING = 0.05;

/** This machine's executor, timed from inside, so that shared work does not count. */
function watched(took: Took): Executor {
  return {
    ...local,
    run: async (cells, context) => {
      const [begun, busy] = [performance.now(), busySeconds()];
      await local.run(cells, context);
      took.seconds += (performance.now() - begun) / 1000;
      took.busySeconds += busySeconds() - busy;
    },
  };
}

interface Took {
  /** For both cells, from the first start to the last end. */
  seconds: number;
  /** Processor time of the whole machine meanwhile, including environment servers. */
  busySeconds: number;
}

interface Round {
  readonly alone: Took;
  readonly together: Took;
  /** Of the cells alone. */
  readonly usages: readonly Usage[];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const busySeconds = (): number =>
  sum(cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq)) / 1000;

/**
 * The factor in matrix products per second of two simultaneous single-threaded sessions over one: the most that two
 * cells at a time could gain. On a noisy machine it is inexact (measured one after the other, so it sometimes exceeds
 * 2). It is below 2 where the two cores are threads of one core, or share its clock.
 */
async function gainOfSecondCore(): Promise<number> {
  const products = [{ m: 256, k: 256, n: 256, backward: "both", count: 8 }] as const;
  const floors = [await matMulFloor(products, 1), await matMulFloor(products, 1)];
  const rate = (used: typeof floors): Promise<number> =>
    bestRate(async () => {
      const many = async (floor: (typeof floors)[number]): Promise<void> => {
        for (let i = 0; i < 50; i++) await floor.run();
      };
      await Promise.all(used.map(many));
      return used.length;
    }, 2);
  try {
    const alone = await rate(floors.slice(0, 1));
    return (await rate(floors)) / alone;
  } finally {
    for (const floor of floors) await floor.close();
  }
}

async function main(): Promise<void> {
  const flags = (await yargs(hideBin(process.argv))
    .scriptName("sweep-throughput")
    .usage("$0: two cells one after the other, and the same two side by side; at the full setting some minutes")
    .options({
      rounds: { type: "number", default: 1, describe: "how often to run each cell alone, and both at a time" },
      json: { type: "boolean", describe: "one JSON document on standard output" },
      quiet: { type: "boolean", describe: "only the result" },
      ...settingOptions(SETTING_NAMES),
    })
    .strict()
    .help()
    .parseAsync()) as Flags;
  const wanted = flags["rounds"];
  if (!Number.isInteger(wanted) || Number(wanted) < 1)
    throw new InputError(`--rounds: takes a whole number from 1, not ${wanted}`);
  const configuration = configurationOf(readFlags(flags));
  const { seed, earlyStopping: _stopping, ...settings } = configuration;
  const base = [{ name: "throughput", values: { ...settings, earlyStopping: false } }];
  const progress = showProgress(flags["quiet"] === true);
  const signal = interruptible();
  const parent = mkdtempSync(path.join(tmpdir(), "rls3-throughput-"));
  const nothing = (): Took => ({ seconds: 0, busySeconds: 0 });
  try {
    const oneRound = async (name: string): Promise<Round> => {
      const [alone, together] = [nothing(), nothing()];
      const measure = async (took: Took, seeds: readonly number[], jobs: number): Promise<Usage[]> => {
        // The second cell alone uses the folder of the first.
        const folder = path.join(parent, name, took === alone ? "alone" : "together");
        const executor = watched(took);
        const options = { folder, command: "sweep-throughput", progress, signal, executor, jobs };
        const { table } = await runSweep({ base, seeds }, options);
        const usages = table.rows.map(({ cell }) => usageOf(path.join(folder, "cells", cell)));
        return usages.filter((usage) => usage !== null);
      };
      await measure(alone, [seed], 1);
      await measure(together, [seed, seed + 1], 2);
      return { alone, together, usages: await measure(alone, [seed, seed + 1], 1) };
    };
    const gain = await gainOfSecondCore();
    const rounds: Round[] = [];
    while (rounds.length < Number(wanted)) rounds.push(await oneRound(`round-${rounds.length + 1}`));
    const total = (of: (round: Round) => number): number => sum(rounds.map(of));
    const alone = total((round) => round.alone.seconds);
    const together = total((round) => round.together.seconds);
    const usages = rounds.flatMap((round) => round.usages);
    const runSeconds = sum(usages.map((usage) => usage.runSeconds));
    const cells = 2 * rounds.length;
    const result = {
      ...provenance(),
      iterations: configuration.iterations,
      cellsPerHourAlone: (cells * 3600) / alone,
      cellsPerHourTogether: (cells * 3600) / together,
      ratio: alone / together,
      ratioOfRounds: rounds.map((round) => round.alone.seconds / round.together.seconds),
      gainOfSecondCore: gain,
      /**
       * As a share of the cells' time one after the other: starting and ending processes, opening, reading, closing.
       */
      overhead: 1 - runSeconds / alone,
      overheadSeconds: (alone - runSeconds) / cells,
      /** Processor time of a cell's own process per second of its run: above 1 where it uses more than one core. */
      coresOfOne: sum(usages.map(({ cpuSeconds }) => cpuSeconds ?? Number.NaN)) / alone,
      busySecondsAlone: total((round) => round.alone.busySeconds) / cells,
      busySecondsTogether: total((round) => round.together.busySeconds) / cells,
      peakMiB: Math.max(...usages.map(({ peakMiB }) => peakMiB)),
    };
    if (flags["json"] === true) printJson(result);
    else process.stdout.write(`${render(result)}\n`);
    if (result.ratio < FLOOR || result.overhead > CEILING) process.exitCode = 1;
  } finally {
    if (existsSync(parent)) rmSync(parent, { recursive: true });
  }
}

function render(result: {
  readonly iterations: number;
  readonly cellsPerHourAlone: number;
  readonly cellsPerHourTogether: number;
  readonly ratio: number;
  readonly ratioOfRounds: readonly number[];
  readonly gainOfSecondCore: number;
  readonly overhead: number;
  readonly overheadSeconds: number;
  readonly coresOfOne: number;
  readonly busySecondsAlone: number;
  readonly busySecondsTogether: number;
  readonly peakMiB: number;
}): string {
  const { ratio, overhead, overheadSeconds, ratioOfRounds } = result;
  const verdict = (good: boolean): string => (good ? "yes" : "no");
  return [
    `cells of ${result.iterations} iterations`,
    `one at a time      ${result.cellsPerHourAlone.toFixed(1)} an hour`,
    `two side by side   ${result.cellsPerHourTogether.toFixed(1)} an hour, ${ratio.toFixed(2)} ×; at least ${FLOOR} ×: ${verdict(ratio >= FLOOR)}`,
    ...(ratioOfRounds.length > 1
      ? [`round by round     ${ratioOfRounds.map((each) => each.toFixed(2)).join(", ")} ×`]
      : []),
    `this machine       ${result.gainOfSecondCore.toFixed(2)} × the matrix products a second from two sessions at once as from one`,
    `processor time     ${result.busySecondsAlone.toFixed(1)} s a cell alone, ${result.busySecondsTogether.toFixed(1)} s side by side, environment server included`,
    `beyond the run     ${overheadSeconds.toFixed(1)} s a cell, ${(100 * overhead).toFixed(1)} %; at most ${100 * CEILING} %: ${verdict(overhead <= CEILING)}`,
    `one cell           ${result.coresOfOne.toFixed(2)} cores without its environment server, ${result.peakMiB} MiB at most`,
  ].join("\n");
}

main().catch((error: unknown) => {
  const { code, message } = exitCodeOf(error);
  process.stderr.write(`sweep-throughput: ${message}\n`);
  process.exitCode = code;
});
