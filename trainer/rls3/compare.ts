/** @file A comparison: the same loop for each arm and seed, some side by side in processes of their own, on preparation made once. */
import { fork } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { InputError, UnavailableError } from "../errors.js";
import { readMetrics, seedRun } from "../report/readers.js";
import { writeSummary } from "../report/rebuild.js";
import { type SeedRun, type Summary, summarize } from "../report/summary.js";
import { type Configuration, iterationsPlanned } from "./configuration.js";
import { writeDurably } from "./durable-file.js";
import { Interrupted } from "./interrupted.js";
import { openConfiguredModel, openEnvironments } from "./parts.js";
import { prepare } from "./preparation.js";
import { type Progress, silent, stoppable } from "./progress.js";
import { provenance } from "./provenance.js";
import { finishedState, type RunPlan } from "./run.js";
import type { Message, Order } from "./run-process.js";

export type Arm = Configuration["agent"];

export interface ComparisonPlan {
  readonly folder: string;
  readonly command: string;
  /** In the order in which they are compared: each with every later one. */
  readonly arms: readonly { readonly name: Arm; readonly configuration: Configuration }[];
  readonly seeds: readonly number[];
  /** Processes side by side. */
  readonly jobs: number;
}

/** Where the report finds the runs. */
const runFolder = (folder: string, arm: Arm, seed: number): string => path.join(folder, "runs", `${arm}-${seed}`);

const entry = path.join(path.dirname(fileURLToPath(import.meta.url)), "run-process.js");

/** Runs what is missing in the folder, then writes summary.json. */
export async function compare(
  plan: ComparisonPlan,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<Summary> {
  const { folder, arms, seeds } = plan;
  // The arm that learns from most feasibility steps: the others take what is made for it.
  const [first] = [...arms].sort((a, b) => b.configuration.feasibilitySteps - a.configuration.feasibilitySteps);
  if (first === undefined) throw new InputError("--arms: names no arm; give at least one, such as rls3,random");
  const shared = path.join(folder, "shared");
  await prepareShared(plan, first.configuration, shared, stoppable(progress, signal), signal);

  // Seed by seed, so that an interrupted comparison has whole pairs.
  const runs = seeds.flatMap((seed) =>
    arms.map(({ name, configuration }): RunPlan => {
      const own = runFolder(folder, name, seed);
      return {
        folder: own,
        configuration: { ...configuration, seed },
        command: plan.command,
        shared,
        earlyStopping: false,
      };
    }),
  );
  await inParallel(runs, plan.jobs, progress, signal);

  const results: Record<string, SeedRun[]> = {};
  for (const { name } of arms) {
    results[name] = await Promise.all(
      seeds.map(async (seed) => seedRun(seed, await readMetrics(runFolder(folder, name, seed)))),
    );
  }
  const { machine, commit } = provenance();
  const config = Object.fromEntries(arms.map(({ name, configuration }) => [name, configuration]));
  const summary = summarize({ arms: results, config, machine, commit, seeds });
  await writeSummary(folder, summary);
  return summary;
}

/** Makes what the runs share, and finds out before any of them starts whether model and environment are in order. */
async function prepareShared(
  plan: ComparisonPlan,
  configuration: Configuration,
  shared: string,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const model = await openConfiguredModel(configuration);
  const { imageSize, description } = model;
  await model.close();
  const { env, world, render, keys, episodesPerIteration: count } = configuration;
  const environments = await openEnvironments({ env, world, count, imageSize, render, keys }, progress, signal);
  try {
    mkdirSync(plan.folder, { recursive: true });
    const config = path.join(plan.folder, "config.json");
    if (!existsSync(config)) {
      const arms = Object.fromEntries(plan.arms.map((arm) => [arm.name, arm.configuration]));
      const { command, seeds } = plan;
      const what = { schema: 1, command, seeds, configuration: arms, model: description, ...provenance() };
      writeDurably(
        config,
        `${JSON.stringify({ ...what, worldCatalog: environments.world.catalog.document }, null, 2)}\n`,
      );
    }
    await prepare(shared, configuration, environments, imageSize, progress);
  } finally {
    await environments.close();
  }
}

/** `jobs` runs at a time; the first failure ends all. */
async function inParallel(
  runs: readonly RunPlan[],
  jobs: number,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const failed = new AbortController();
  const stop = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const total = runs.reduce((sum, { configuration }) => sum + iterationsPlanned(configuration) + 1, 0);
  const done = new Map<string, number>();
  progress.begin(`${runs.length} runs`, total, "iterations");
  const waiting = [...runs];
  const worker = async (): Promise<void> => {
    for (let plan = waiting.shift(); plan !== undefined; plan = waiting.shift()) {
      const name = path.basename(plan.folder);
      const iterations = iterationsPlanned(plan.configuration);
      const count = (iterationsDone: number): void => {
        done.set(name, iterationsDone);
        progress.advance([...done.values()].reduce((sum, n) => sum + n, 0));
      };
      if (finishedState(plan.folder) === null) await runInProcess(plan, reporter(name, progress, count), stop);
      count(iterations + 1);
    }
  };
  try {
    await Promise.all(
      Array.from({ length: Math.min(jobs, runs.length) }, () =>
        worker().catch((error: unknown) => {
          failed.abort(error);
          throw error;
        }),
      ),
    );
  } finally {
    progress.end();
  }
}

/** A run's progress as a comparison shows it: its lines with its name, and its iterations counted. */
function reporter(name: string, progress: Progress, count: (iterations: number) => void): Progress {
  return {
    ...silent,
    say: (line) => {
      const iteration = /^iteration (\d+)\//.exec(line)?.[1];
      if (iteration !== undefined) count(Number(iteration) + 1);
      progress.say(line.startsWith("warning: ") ? `warning: ${name}: ${line.slice(9)}` : `${name}: ${line}`);
    },
  };
}

function runInProcess(plan: RunPlan, progress: Progress, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const mode = existsSync(path.join(plan.folder, "config.json")) ? "resume" : "new";
  return new Promise((resolve, reject) => {
    const child = fork(entry, { stdio: ["ignore", "ignore", "pipe", "ipc"], serialization: "advanced" });
    let outcome: Message | undefined;
    let tail = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-4000);
    });
    const stop = (): void => void child.kill("SIGTERM");
    signal.addEventListener("abort", stop, { once: true });
    child.on("message", (message: Message) => {
      if (message.type === "say") progress.say(message.line);
      else if (message.type === "begin") progress.begin(message.phase, message.total, message.unit);
      else if (message.type === "advance") progress.advance(message.done);
      else if (message.type === "end") progress.end();
      else outcome = message;
    });
    child.on("error", reject);
    child.on("exit", (code, killedBy) => {
      signal.removeEventListener("abort", stop);
      const name = path.basename(plan.folder);
      if (outcome?.type === "done") resolve();
      else if (signal.aborted) reject(signal.reason instanceof Error ? signal.reason : new Interrupted("interrupted"));
      else if (outcome?.type === "failed") reject(failureOf(name, outcome));
      else
        reject(new Error(`${name}: its process ended with ${killedBy ?? `exit code ${code}`}; it last said:\n${tail}`));
    });
    child.send({ plan, mode } satisfies Order);
  });
}

function failureOf(name: string, { kind, message }: Extract<Message, { type: "failed" }>): Error {
  if (kind === "input") return new InputError(`${name}: ${message}`);
  return kind === "unavailable" ? new UnavailableError(`${name}: ${message}`) : new Error(`${name}: ${message}`);
}
