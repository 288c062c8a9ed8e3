/** @file Before the loop the agent learns what a feasible placement is, from random transitions; once for all runs that would learn the same. */
import { createHash } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { Random } from "../random/random.js";
import type { Run } from "./loop.js";
import { PREPARATION_ENVIRONMENTS } from "./preparation.js";
import type { SettingName } from "./settings.js";
import { readTensorFile, writeTensorFile } from "./tensor-file.js";

/** Raised when the same inputs would give another agent. */
const FORMAT_VERSION = 1;

/** All of a run's settings that the agent as it is before the loop follows from, beside whether hardness counts at all. */
const DEPENDS_ON = [
  "agent",
  "feasibilitySteps",
  "feasibilityUpdates",
  "heads",
  "features",
  "discount",
  "replay",
  "replayCapacity",
  "testSeed",
  "env",
  "seed",
  "learner",
  "device",
  "threads",
] as const satisfies readonly SettingName[];

/** With a folder to keep it in, the agent is read from there where another run has learned the same before; it is equal to the bit. */
export async function learnFeasibility(run: Run): Promise<void> {
  const { agent, configuration, pretrained, progress } = run;
  if (configuration.feasibilityUpdates === 0) return;
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
  if (file === null) return;
  // Runs side by side may write the same: each beside, and whole when it gets its name.
  const own = `${file}.${hostname()}-${process.pid}`;
  writeTensorFile(own, await agent.state(), null);
  renameSync(own, file);
}

function digestOf({ configuration, environments }: Run): string {
  const settings = DEPENDS_ON.map((name) => configuration[name]);
  const drawn = Math.min(PREPARATION_ENVIRONMENTS, environments.count);
  const all = [FORMAT_VERSION, environments.world.digest, drawn, configuration.extrinsicWeight > 0, ...settings];
  return createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 16);
}
