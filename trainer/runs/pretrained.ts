/**
 * @file Stores agents after feasibility pre-training, for all runs that would learn the same: the first run makes each
 * of them.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PREPARATION_ENVIRONMENTS } from "../environments/wander.js";
import { InputError } from "../errors.js";
import { readTensorFile, readTensorNote, writeSharedTensorFile } from "../files/tensor-file.js";
import {
  type FeasibilityCurve,
  type FeasibilityParts,
  learnOffline,
  learnOnline,
  learnsFeasibility,
  PRETRAINING_ENVIRONMENTS,
} from "../rls3/feasibility.js";
import type { Configuration, SettingName } from "../settings/configuration.js";
import { type Lock, takeLock } from "./lock.js";

/** Raised when the same inputs would give another agent. */
const FORMAT_VERSION = 3;
/** Blocks between two checkpoints of online pre-training: about a minute's work. */
const BLOCKS_KEPT_EVERY = 10;
/** How often a run checks whether another run has finished what both need. */
const LOOK_EVERY_MS = 1000;

/** All settings that the agent before the loop depends on, besides whether hardness counts at all. */
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

/** Where agents are stored, and what they depend on. */
export interface Keeping extends Pick<FeasibilityParts, "environments"> {
  readonly configuration: Configuration;
  /** Digest of the plugin's code, where the run has a plugin: with `agent: "plugin"`, the agent depends on it. */
  readonly pluginDigest?: string | null;
  /** Folder of files that runs share. */
  readonly shared: string;
  /** Folder of pre-trained agents; null: only those that learn online are stored, in `shared`. */
  readonly pretrained: string | null;
}

/** Loads the agent if another run has learned the same before (equal to the bit); learns and stores it otherwise. */
export async function learnFeasibilityOnce(run: FeasibilityParts & Keeping): Promise<void> {
  if (!learnsFeasibility(run.configuration)) return;
  if (run.configuration.pretraining === "online") await learnOnlineOnce(run);
  else await learnOfflineOnce(run);
}

async function learnOfflineOnce(run: FeasibilityParts & Keeping): Promise<void> {
  const { agent, configuration, pretrained } = run;
  const file = pretrained === null ? null : path.join(pretrained, `feasible-${digestOf(run)}.safetensors`);
  if (file !== null && existsSync(file)) {
    await agent.restore(readTensorFile(file).tensors);
    return;
  }
  await learnOffline(run, configuration);
  if (file !== null) writeSharedTensorFile(file, await agent.state(), null);
}

type OnlineRun = Omit<FeasibilityParts, "transitions"> & Keeping;

/** This takes minutes, so one run does it and the others wait. If it is killed, another goes on from its checkpoint. */
export async function learnOnlineOnce(run: OnlineRun): Promise<FeasibilityCurve> {
  const { folder, whole, unfinished } = filesOf(run);
  mkdirSync(folder, { recursive: true });
  for (;;) {
    if (existsSync(whole)) return restored(run, whole);
    const lock = lockOf(folder);
    if (lock === null) {
      await othersToFinish(run, folder, whole);
      continue;
    }
    try {
      if (!existsSync(whole)) return await learnAndKeep(run, whole, unfinished, lock);
    } finally {
      lock.close();
    }
  }
}

function filesOf(run: Keeping): { readonly folder: string; readonly whole: string; readonly unfinished: string } {
  const folder = path.join(run.pretrained ?? run.shared, `feasible-${digestOf(run)}`);
  return {
    folder,
    whole: path.join(folder, "agent.safetensors"),
    unfinished: path.join(folder, "unfinished.safetensors"),
  };
}

/** The stored curve of online pre-training so far; empty where it has not begun. */
export function keptCurve(run: Keeping): FeasibilityCurve {
  const { whole, unfinished } = filesOf(run);
  const file = [whole, unfinished].find((name) => existsSync(name));
  return file === undefined ? [] : (readTensorNote(file) as { curve: FeasibilityCurve }).curve;
}

/** The folder's lock, or null while another process has it. */
function lockOf(folder: string): Lock | null {
  try {
    return takeLock(folder);
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

/** Waits until another run has made the agent, or has released the lock. */
async function othersToFinish({ progress }: OnlineRun, folder: string, whole: string): Promise<void> {
  progress.begin("feasibility, which another run is learning", 1, "agent");
  while (!existsSync(whole)) {
    // Throws here where the user has stopped the run.
    progress.advance(0);
    await sleep(LOOK_EVERY_MS);
    const lock = lockOf(folder);
    if (lock === null) continue;
    lock.close();
    break;
  }
  progress.end();
}

async function restored({ agent }: OnlineRun, file: string): Promise<FeasibilityCurve> {
  const { tensors, note } = readTensorFile(file);
  await agent.restore(tensors);
  return (note as { curve: FeasibilityCurve }).curve;
}

async function learnAndKeep(run: OnlineRun, whole: string, unfinished: string, lock: Lock): Promise<FeasibilityCurve> {
  const { agent, configuration } = run;
  let curve = existsSync(unfinished) ? await restored(run, unfinished) : [];
  for await (curve of learnOnline(run, configuration, curve)) {
    if (curve.length % BLOCKS_KEPT_EVERY === 0 && lock.held()) {
      writeSharedTensorFile(unfinished, await agent.state(), { curve });
    }
  }
  writeSharedTensorFile(whole, await agent.state(), { curve });
  rmSync(unfinished, { force: true });
  // Read from the file, as every other run does, so that anything not in the saved state makes no difference.
  return restored(run, whole);
}

function digestOf({ configuration, environments, pluginDigest }: Keeping): string {
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
    ...(configuration.scenes === "" ? [] : [configuration.scenes]),
    ...(configuration.agent === "plugin" ? [pluginDigest] : []),
  ];
  return createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 16);
}
