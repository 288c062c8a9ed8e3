/** @file One run from its folder's first file to its last: opens the parts, runs the loop, closes everything again. */
import { existsSync } from "node:fs";
import path from "node:path";
import { InputError } from "../errors.js";
import { LANGUAGE_VERSION } from "../language/index.js";
import { EVENT_FILE, writeEventFile } from "../report/tensorboard.js";
import { type Configuration, parseResolved } from "./configuration.js";
import { refuseOtherLanguage } from "./language-version.js";
import { type Run, rls3, type State } from "./loop.js";
import { openAgent, openConfiguredModel, openEnvironments } from "./parts.js";
import { prepare } from "./preparation.js";
import { type Progress, stoppable } from "./progress.js";
import { provenance } from "./provenance.js";
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

/** A new run, or a killed one gone on with. */
export async function run(plan: RunPlan, mode: "new" | "resume", { signal, ...options }: RunOptions): Promise<State> {
  const { folder, configuration } = plan;
  const progress = stoppable(options.progress, signal);
  if (mode === "new") refuseUsed(folder);
  const opened: { close(): Promise<void> | void }[] = [];
  const opening = async <T extends { close(): Promise<void> | void }>(part: T | Promise<T>): Promise<T> => {
    const resource = await part;
    opened.push(resource);
    return resource;
  };
  try {
    const model = await opening(openConfiguredModel(configuration));
    const count = configuration.episodesPerIteration;
    const { env, world, render, keys } = configuration;
    const inTurns = plan.inTurns ?? false;
    const wish = { env, world, count, imageSize: model.imageSize, render, keys, waitAwake: !inTurns };
    const environments = await opening(openEnvironments(wish, progress, signal));
    const agent = await opening(openAgent(configuration, environments.world, progress));
    // Only now: a mistake in the model's or the environment's name leaves no folder behind.
    const directory = await opening(
      mode === "resume"
        ? RunDirectory.open(folder)
        : RunDirectory.create(folder, configOf(plan, environments.world.catalog.document, model.description)),
    );
    const shared = plan.shared ?? path.join(folder, "shared");
    const preparation = await prepare(shared, configuration, environments, model.imageSize, progress);
    const { earlyStopping } = plan;
    const parts: Run = {
      configuration,
      environments,
      agent,
      model,
      preparation,
      shared,
      pretrained: plan.pretrained ?? null,
      directory,
      progress,
      earlyStopping,
      inTurns,
      signal,
    };
    const state = await rls3(parts);
    if (!earlyStopping) await model.saveAdapter(directory.path("adapter"));
    await writeEventFile(folder, directory.rows("metrics.csv"));
    directory.log.info({ ...state }, "finished");
    return state;
  } finally {
    for (const part of opened.reverse()) await part.close();
  }
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
