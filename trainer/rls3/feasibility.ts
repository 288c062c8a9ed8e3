/**
 * @file Before the loop the agent learns what a feasible placement is, without images and without the model: offline from random transitions,
 * or online by acting. Once for all runs that would learn the same.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { InputError } from "../errors.js";
import type { Tensors } from "../graph/runtime.js";
import { Random } from "../random/random.js";
import { holdsLock, takeLock } from "./lock.js";
import type { Run } from "./loop.js";
import { BLOCK_STEPS, PRETRAINING_ENVIRONMENTS, pretrainBlock } from "./online-pretraining.js";
import { PREPARATION_ENVIRONMENTS } from "./preparation.js";
import type { SettingName } from "./settings.js";
import { readTensorFile, readTensorNote, writeTensorFile } from "./tensor-file.js";

/** Raised when the same inputs would give another agent. */
const FORMAT_VERSION = 3;
/** Blocks between two checkpoints of an online pre-training: about a minute's work. */
const BLOCKS_KEPT_EVERY = 10;
/** How often a run looks whether another one has finished what both need. */
const LOOK_EVERY_MS = 1000;

/** All of a run's settings that the agent as it is before the loop follows from, beside whether hardness counts at all. */
const DEPENDS_ON = [
  "agent",
  "pretraining",
  "feasibilitySteps",
  "feasibilityUpdates",
  "targetEntropy",
  "heads",
  "view",
  "features",
  "discount",
  "replay",
  "replayCapacity",
  "env",
  "seed",
  "learner",
  "device",
  "threads",
] as const satisfies readonly SettingName[];

/** Share of valid placements in each block of an online pre-training. */
export type FeasibilityCurve = readonly number[];

/** What learning feasibility online needs of a run. */
type Learning = Pick<Run, "agent" | "configuration" | "environments" | "pretrained" | "shared" | "progress">;

/** The agent is read from where another run has learned the same before; it is equal to the bit. */
export async function learnFeasibility(run: Learning & Pick<Run, "preparation">): Promise<void> {
  if (run.configuration.feasibilityUpdates === 0) return;
  if (run.configuration.pretraining === "online") await learnOnline(run);
  else await learnOffline(run);
}

async function learnOffline(run: Learning & Pick<Run, "preparation">): Promise<void> {
  const { agent, configuration, pretrained, progress } = run;
  const file = pretrained === null ? null : path.join(pretrained, `feasible-${digestOf(run)}.safetensors`);
  if (file !== null && existsSync(file)) {
    await agent.restore(readTensorFile(file).tensors);
    return;
  }
  const { feasibilityUpdates, seed } = configuration;
  progress.begin("feasibility", feasibilityUpdates, "updates");
  const random = Random.stream(seed, "feasibility");
  await agent.pretrain(run.preparation.transitions(), feasibilityUpdates, random, (done) => progress.advance(done));
  progress.end();
  if (file !== null) writeBeside(file, await agent.state(), null);
}

/** Runs side by side may write the same: each beside, and whole when it gets its name. */
function writeBeside(file: string, tensors: Tensors, note: unknown): void {
  const own = `${file}.${hostname()}-${process.pid}`;
  writeTensorFile(own, tensors, note);
  renameSync(own, file);
}

/** Minutes of work: one run does it, the others wait, and what a killed one has done is gone on with. */
export async function learnOnline(run: Learning): Promise<FeasibilityCurve> {
  const { folder, whole, unfinished } = keptIn(run);
  mkdirSync(folder, { recursive: true });
  for (;;) {
    if (existsSync(whole)) return restored(run, whole);
    const lock = lockOf(folder);
    if (lock === null) {
      await othersToFinish(run, folder, whole);
      continue;
    }
    try {
      if (!existsSync(whole)) return await pretrainOnline(run, whole, unfinished, lock);
    } finally {
      if (holdsLock(lock)) rmSync(lock, { force: true });
    }
  }
}

type Kept = Pick<Learning, "configuration" | "environments" | "pretrained" | "shared">;

function keptIn(run: Kept): { readonly folder: string; readonly whole: string; readonly unfinished: string } {
  const folder = path.join(run.pretrained ?? run.shared, `feasible-${digestOf(run)}`);
  return {
    folder,
    whole: path.join(folder, "agent.safetensors"),
    unfinished: path.join(folder, "unfinished.safetensors"),
  };
}

/** The curve of an online pre-training as far as it has been kept; empty where it has not begun. */
export function keptCurve(run: Kept): FeasibilityCurve {
  const { whole, unfinished } = keptIn(run);
  const file = [whole, unfinished].find((name) => existsSync(name));
  return file === undefined ? [] : (readTensorNote(file) as { curve: FeasibilityCurve }).curve;
}

/** The lock of the folder, or null while another process has it. */
function lockOf(folder: string): string | null {
  try {
    return takeLock(folder);
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

/** Until another run has made the agent, or has let go of it. */
async function othersToFinish({ progress }: Learning, folder: string, whole: string): Promise<void> {
  progress.begin("feasibility, which another run is learning", 1, "agent");
  while (!existsSync(whole)) {
    // Ends here where the user has stopped the run.
    progress.advance(0);
    await sleep(LOOK_EVERY_MS);
    const lock = lockOf(folder);
    if (lock === null) continue;
    rmSync(lock, { force: true });
    break;
  }
  progress.end();
}

async function restored({ agent }: Learning, file: string): Promise<FeasibilityCurve> {
  const { tensors, note } = readTensorFile(file);
  await agent.restore(tensors);
  return (note as { curve: FeasibilityCurve }).curve;
}

async function pretrainOnline(
  run: Learning,
  whole: string,
  unfinished: string,
  lock: string,
): Promise<FeasibilityCurve> {
  const { agent, configuration, environments, progress } = run;
  const { feasibilitySteps: steps, feasibilityUpdates: updates, seed } = configuration;
  const curve = existsSync(unfinished) ? [...(await restored(run, unfinished))] : [];
  progress.begin("feasibility, online", steps, "steps");
  for (let block = curve.length; block * BLOCK_STEPS < steps; block++) {
    curve.push(await pretrainBlock({ agent, environments, seed, steps, updates }, block));
    progress.advance(Math.min(steps, curve.length * BLOCK_STEPS));
    if (curve.length % BLOCKS_KEPT_EVERY === 0 && holdsLock(lock)) {
      writeBeside(unfinished, await agent.state(), { curve });
    }
  }
  progress.end();
  const last = curve.slice(-Math.ceil(curve.length / 10));
  const share = last.reduce((sum, own) => sum + own, 0) / Math.max(1, last.length);
  progress.say(`feasibility: ${(100 * share).toFixed(0)} % valid in the last tenth of ${steps} steps`);
  writeBeside(whole, await agent.state(), { curve });
  rmSync(unfinished, { force: true });
  // From the file, as every other run has it: what is not part of the state can't make a difference.
  return restored(run, whole);
}

function digestOf({ configuration, environments }: Kept): string {
  const settings = DEPENDS_ON.map((name) => configuration[name]);
  const online = configuration.pretraining === "online";
  const drawn = Math.min(online ? PRETRAINING_ENVIRONMENTS : PREPARATION_ENVIRONMENTS, environments.count);
  const inputs = online ? [] : [configuration.testSeed];
  const all = [
    FORMAT_VERSION,
    environments.world.digest,
    drawn,
    configuration.extrinsicWeight > 0,
    ...settings,
    ...inputs,
  ];
  return createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 16);
}
