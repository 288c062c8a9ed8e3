/** @file One run from its folder's first file to its last: opens the parts, draws the iterations and writes them down, closes everything again. */
import { existsSync } from "node:fs";
import path from "node:path";
import { openEnvironments } from "../environments/open-environments.js";
import { InputError } from "../errors.js";
import { prefixed, unprefixed } from "../files/tensor-file.js";
import { LANGUAGE_VERSION } from "../language/index.js";
import { type Progress, stoppable } from "../progress.js";
import { EVENT_FILE, writeEventFile } from "../report/tensorboard.js";
import { type Parts, rls3, type State } from "../rls3/loop.js";
import { type Configuration, parseResolved } from "../settings/configuration.js";
import type { TrainingState } from "../vlm/model.js";
import { refuseOtherLanguage } from "./language-version.js";
import { openAgent, openConfiguredModel } from "./parts.js";
import { prepare } from "./preparation.js";
import { learnFeasibilityOnce } from "./pretrained.js";
import { provenance } from "./provenance.js";
import { record } from "./record.js";
import { RunDirectory, readRunConfig, refuseUsed } from "./run-directory.js";

export interface RunPlan {
  readonly folder: string;
  readonly configuration: Configuration;
  /** What was typed, for config.json. */
  readonly command: string;
  /** Folder of the preparation; a comparison's runs share one. Default: `shared` in the run's folder. */
  readonly shared?: string;
  /** Folder in which runs that differ in nothing that matters before the loop find the agent as another has pre-trained it. */
  readonly pretrained?: string;
  /** In place of the configuration's: a comparison gives every arm its full budget; stopping early would flatter whoever stops late. */
  readonly earlyStopping: boolean;
  /**
   * Keeps to one core: agent and model learn one after the other, and nothing waits awake. The results are the same. Default: takes what
   * there is.
   */
  readonly inTurns?: boolean;
}

export interface RunOptions {
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

interface Closable {
  close(): Promise<void> | void;
}

/** A new run, or a killed one gone on with. */
export async function run(plan: RunPlan, mode: "new" | "resume", { signal, ...options }: RunOptions): Promise<State> {
  const { folder, configuration, inTurns = false, pretrained = null } = plan;
  const progress = stoppable(options.progress, signal);
  if (mode === "new") refuseUsed(folder);
  const opened: Closable[] = [];
  const opening = async <T extends Closable>(part: T | Promise<T>): Promise<T> => {
    const resource = await part;
    opened.push(resource);
    return resource;
  };
  try {
    const model = await opening(openConfiguredModel(configuration));
    const { env, world, render, keys, episodesPerIteration: count } = configuration;
    const served = { env, world, count, imageSize: model.imageSize, render, keys, waitAwake: !inTurns };
    const environments = await opening(openEnvironments(served, progress, signal));
    const agent = await opening(openAgent(configuration, environments.world, progress));
    // Only now: a mistake in the model's or the environment's name leaves no folder behind.
    const directory = await opening(
      mode === "resume"
        ? RunDirectory.open(folder)
        : RunDirectory.create(folder, configOf(plan, environments.world.catalog.document, model.description)),
    );
    const shared = plan.shared ?? path.join(folder, "shared");
    const preparation = await prepare(shared, configuration, environments, model.imageSize, progress);
    const parts = { environments, agent, model, ...preparation, progress, signal };
    const learnFeasibility = () => learnFeasibilityOnce({ ...parts, configuration, shared, pretrained });
    const state = await train({ ...parts, learnFeasibility }, directory, plan);
    if (!plan.earlyStopping) await model.saveAdapter(directory.path("adapter"));
    writeEventFile(folder, directory.rows("metrics.csv"));
    directory.log.info({ ...state }, "finished");
    return state;
  } finally {
    for (const part of opened.reverse()) await part.close();
  }
}

/** All iterations from the last checkpoint on, each written down before the next begins. */
async function train(parts: Parts, directory: RunDirectory, plan: RunPlan): Promise<State> {
  const { configuration, earlyStopping, inTurns = false } = plan;
  let state = await restore(parts, directory);
  for await (const iteration of rls3(parts, { ...configuration, earlyStopping, inTurns }, state)) {
    state = iteration.state;
    // A new best keeps its adapter.
    if (state.best?.iteration === state.iteration) await parts.model.saveAdapter(directory.path("adapter"));
    await record(directory, configuration, iteration, parts.progress);
    await save(parts, directory, state, configuration.checkpointsKept);
    iteration.stopwatch.lap("checkpoint");
    directory.append("timings.csv", [iteration.stopwatch.row(state.iteration)]);
  }
  if (state === null) throw new Error("a run has at least its look before the first iteration");
  return state;
}

type Saved = State & { readonly modelSteps: TrainingState["steps"] };

async function save(
  { agent, model }: Parts,
  directory: RunDirectory,
  state: State,
  checkpointsKept: number,
): Promise<void> {
  const trained = await model.state();
  const tensors = { ...prefixed("agent", await agent.state()), ...prefixed("vlm", trained.tensors) };
  const saved: Saved = { ...state, modelSteps: trained.steps };
  directory.saveCheckpoint(state.iteration, { state: saved, tensors }, checkpointsKept);
}

async function restore({ agent, model, progress }: Parts, directory: RunDirectory): Promise<State | null> {
  const checkpoint = directory.resume<Saved>((line) => progress.warn(line));
  if (checkpoint === null) return null;
  const { modelSteps, ...state } = checkpoint.state;
  await agent.restore(unprefixed("agent", checkpoint.tensors));
  await model.restore({ tensors: unprefixed("vlm", checkpoint.tensors), steps: modelSteps });
  return state;
}

const SCHEMA = 1;

function configOf(plan: RunPlan, worldCatalog: unknown, model: unknown): unknown {
  return {
    schema: SCHEMA,
    command: plan.command,
    languageVersion: LANGUAGE_VERSION,
    seed: plan.configuration.seed,
    configuration: plan.configuration,
    earlyStopping: plan.earlyStopping,
    shared: plan.shared === undefined ? null : path.relative(plan.folder, plan.shared),
    model,
    ...provenance(),
    worldCatalog,
  };
}

/** The plan of a run that is there already, to go on with it. */
export function planOf(folder: string): RunPlan {
  const config = readRunConfig(folder);
  const { command, shared, earlyStopping, seeds } = config;
  if (seeds !== undefined) {
    throw new InputError(`${folder}: is a comparison; go on with it by rls3 compare --resume ${folder}`);
  }
  refuseOtherLanguage(`${folder}/config.json`, config["languageVersion"]);
  return {
    folder,
    configuration: parseResolved(`${folder}/config.json`, config["configuration"]),
    command: typeof command === "string" ? command : "rls3",
    ...(typeof shared === "string" ? { shared: path.resolve(folder, shared) } : {}),
    earlyStopping: earlyStopping === true,
  };
}

/** How a run ended, where it has, its last file written too: then there is nothing to go on with. Touches nothing of the run. */
export function finishedState(folder: string): State | null {
  if (!existsSync(path.join(folder, EVENT_FILE))) return null;
  const state = RunDirectory.peek<State>(folder);
  return state?.finished == null ? null : state;
}
