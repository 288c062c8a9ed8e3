/** @file One run from start to end: opens the parts, draws the iterations and records them, closes everything. */
import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { closing } from "../closing.js";
import { describeComplaint } from "../complaint.js";
import { openEnvironments } from "../environments/open-environments.js";
import { InputError } from "../errors.js";
import { prefixed, unprefixed } from "../files/tensor-file.js";
import { LANGUAGE_VERSION } from "../language/index.js";
import { loadPlugin, refuseMissingParts } from "../plugins/load.js";
import type { LoadedPlugin } from "../plugins/loaded.js";
import { type PluginSource, pluginSourceSchema } from "../plugins/source.js";
import { type Progress, stoppable } from "../progress.js";
import { EventWriter } from "../report/tensorboard/event-writer.js";
import { finishedBy, type Parts, rls3, type Settings, type State } from "../rls3/loop.js";
import { type Configuration, parseResolved } from "../settings/configuration.js";
import type { VisionLanguageModel } from "../vlm/model.js";
import { type Checkpoint, newestState } from "./checkpoints.js";
import { followedSettings, refuseChanged } from "./followed-settings.js";
import { refuseOtherLanguage } from "./language-version.js";
import { type ModelStart, openAgent, openConfiguredModel, warnOfNames } from "./parts.js";
import { prepare } from "./preparation.js";
import { learnFeasibilityOnce } from "./pretrained.js";
import { provenance } from "./provenance.js";
import { type Recording, record } from "./record.js";
import { RunDirectory, readRunConfig, refuseUsed } from "./run-directory.js";
import { startingAdapterSchema } from "./starting-adapter.js";

/** One run: its folder, its settings, and what it starts from. */
export interface RunPlan extends ModelStart {
  readonly folder: string;
  readonly configuration: Configuration;
  /** The command as typed, for config.json. */
  readonly command: string;
  /** Folder of the preparation; the runs of a comparison share one. Default: `shared` in the run's folder. */
  readonly shared?: string;
  /** Folder of pre-trained agents, shared by runs that are identical up to the loop. */
  readonly pretrained?: string;
  /**
   * Replaces the configuration's setting. A comparison gives every arm its full budget: early stopping would favour the
   * arm that stops late.
   */
  readonly earlyStopping: boolean;
  /** Module with the user's parts; its code must not change before the run has ended. */
  readonly plugin?: PluginSource;
  /** Whether the plugin's callbacks are called; default true. */
  readonly callbacks?: boolean;
  /**
   * Stays on one core: agent and model learn one after the other, and nothing waits awake. The results are the same.
   * Default: uses all cores.
   */
  readonly inTurns?: boolean;
  /** Stores pictures of all samples, not only of the hardest. */
  readonly keepPictures?: boolean;
}

/** The receiver of progress, and a signal that stops the run; it can then be resumed. */
export interface RunOptions {
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** A new run; one to go on with; or an existing one to begin again, with its results removed. */
export type Mode = "new" | "resume" | "restart";

/** Runs the run from where it is to its end. */
export async function run(plan: RunPlan, mode: Mode, { signal, ...options }: RunOptions): Promise<State> {
  const { folder, configuration, inTurns = false, pretrained = null } = plan;
  const progress = stoppable(options.progress, signal);
  if (mode === "new") refuseUsed(folder);
  const plugin = plan.plugin === undefined ? null : await loadPlugin(plan.plugin);
  refuseMissingParts(configuration, plugin);
  return closing(async (opening) => {
    const model = await opening(openConfiguredModel(configuration, plan, plugin, (line) => progress.warn(line)));
    const { env, world, render, keys, episodesPerIteration: count } = configuration;
    const served = { env, world, count, imageSize: model.imageSize, render, keys, waitAwake: !inTurns };
    const environments = await opening(openEnvironments(served, progress, signal));
    environments.world.refuseUnknownScenes(configuration);
    const agent = await opening(openAgent(configuration, environments.world, progress, plugin));
    // Only now, so that a mistake in a name of model, environment or scene leaves no folder behind.
    const directory = await opening(
      mode === "new"
        ? RunDirectory.create(folder, configOf(plan, plugin, environments.world.catalog.document, model))
        : RunDirectory.open(folder),
    );
    if (mode === "restart") directory.restart();
    const checkpoint = mode === "resume" ? resumed(directory, plan, progress) : null;
    const shared = plan.shared ?? path.join(folder, "shared");
    if (plan.shared === undefined && checkpoint === null) {
      await warnOfNames(model, environments, configuration, progress);
    }
    const preparation = await prepare(shared, configuration, environments, model.imageSize, progress);
    const pay = plugin?.pay(configuration, environments.world);
    const parts = { environments, agent, model, ...preparation, pay, progress, signal };
    const pluginDigest = plan.plugin?.sha256 ?? null;
    const learnFeasibility = () => learnFeasibilityOnce({ ...parts, configuration, pluginDigest, shared, pretrained });
    const before = checkpoint === null ? [] : directory.rows("metrics.csv");
    const events = await opening(EventWriter.start(folder, { configuration, metrics: plugin?.metrics ?? [], before }));
    const recording = { directory, events, configuration, progress };
    const state = await train({ ...parts, learnFeasibility }, recording, plan, plugin, checkpoint);
    directory.log.info({ ...state }, "finished");
    return state;
  });
}

/** Does all iterations after the last checkpoint; each is recorded before the next begins. */
async function train(
  parts: Parts,
  recording: Recording,
  plan: RunPlan,
  plugin: LoadedPlugin | null,
  checkpoint: Checkpoint | null,
): Promise<State> {
  const { directory } = recording;
  const { folder, configuration, earlyStopping, inTurns = false, callbacks = true } = plan;
  const settings = { ...configuration, earlyStopping, inTurns };
  const told = callbacks ? plugin : null;
  let state = checkpoint === null ? null : await restore(parts, settings, checkpoint);
  await told?.started({ folder, configuration, resumedFrom: state?.iteration ?? null });
  for await (const iteration of rls3(parts, settings, state)) {
    state = iteration.state;
    // Save the adapter at a new best; without early stopping, save the last one.
    if (state.best?.iteration === state.iteration || (state.finished !== null && !earlyStopping)) {
      await directory.saveAdapter(state.iteration, (folder) => parts.model.saveAdapter(folder));
    }
    const measured = (await plugin?.measure(parts, configuration, state.iteration)) ?? {};
    iteration.stopwatch.lap("evaluation");
    await record(recording, iteration, measured);
    await told?.report(iteration);
    await save(parts, directory, state, configuration.checkpointsKept);
    iteration.stopwatch.lap("checkpoint");
    directory.append("timings.csv", [iteration.stopwatch.row(state.iteration)]);
  }
  if (state === null) throw new Error("a run has at least its look before the first iteration");
  return state;
}

const stateSchema = z.object({
  iteration: z.int(),
  generated: z.int(),
  valid: z.int(),
  terms: z.record(z.string(), z.int()),
  best: z.object({ iteration: z.int(), accuracy: z.number() }).nullable(),
  finished: z.enum(["all iterations done", "all valid samples made", "steps used up", "validation plateau"]).nullable(),
}) satisfies z.ZodType<State>;
/** Saved with the loop's state: optimizer steps of the model. */
const savedSchema = stateSchema.extend({ modelSteps: z.int() });
type Saved = z.infer<typeof savedSchema>;

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

function resumed(directory: RunDirectory, plan: RunPlan, progress: Progress): Checkpoint | null {
  refuseOtherPlan(directory, plan);
  return directory.resume(plan.configuration.checkpointsKept, (line) => progress.warn(line));
}

/** The comparison's or sweep's file defines its runs, and may have changed since this run began. */
function refuseOtherPlan(directory: RunDirectory, { folder, configuration, earlyStopping, plugin }: RunPlan): void {
  const { configuration: begun, earlyStopping: stopping, plugin: beganWith } = directory.config;
  const saved = followedSettings({ configuration: begun, earlyStopping: stopping, plugin: beganWith });
  refuseChanged(`what is asked of ${folder}`, saved, { configuration, earlyStopping, plugin });
}

async function restore(
  { agent, model }: Parts,
  settings: Settings,
  { state: saved, tensors }: Checkpoint,
): Promise<State> {
  const { modelSteps, ...state } = savedSchema.parse(saved); // the file's digest is right, so nobody has edited it
  await agent.restore(unprefixed("agent", tensors));
  await model.restore({ tensors: unprefixed("vlm", tensors), steps: modelSteps });
  // The plan may have grown since.
  return { ...state, finished: finishedBy(settings, state) };
}

const SCHEMA = 1;

function configOf(
  plan: RunPlan,
  plugin: LoadedPlugin | null,
  worldCatalog: unknown,
  { description, imageSize }: VisionLanguageModel,
): Readonly<Record<string, unknown>> {
  return {
    schema: SCHEMA,
    command: plan.command,
    ...(plan.keepPictures === true ? { keepPictures: true } : {}),
    ...(plan.adapter === undefined ? {} : { adapter: plan.adapter }),
    ...(plan.baseName === undefined ? {} : { baseName: plan.baseName }),
    languageVersion: LANGUAGE_VERSION,
    seed: plan.configuration.seed,
    configuration: plan.configuration,
    earlyStopping: plan.earlyStopping,
    shared: plan.shared === undefined ? null : path.relative(plan.folder, plan.shared),
    model: description,
    imageSize,
    ...(plugin === null ? {} : { plugin: plugin.description }),
    ...provenance(),
    worldCatalog,
  };
}

/** The plan of an existing run, to go on with it. */
export function planOf(folder: string): RunPlan {
  const config = readRunConfig(folder);
  const { command, shared, earlyStopping, seeds, plugin } = config;
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
    ...pluginIn(`${folder}/config.json`, plugin),
    keepPictures: config["keepPictures"] === true,
    ...startOf(folder, config),
  };
}

/** The plugin in a configuration file, as plans hold it. */
export function pluginIn(file: string, plugin: unknown): Pick<RunPlan, "plugin"> {
  if (plugin === undefined) return {};
  const parsed = pluginSourceSchema.safeParse(plugin);
  if (parsed.success) return { plugin: parsed.data };
  throw new InputError(`${file}: ${describeComplaint(parsed.error, plugin, "plugin")}; put it back as it was`);
}

const startSchema = z.object({
  adapter: startingAdapterSchema.exactOptional(),
  baseName: z.string().exactOptional(),
}) satisfies z.ZodType<ModelStart>;

function startOf(folder: string, config: Readonly<Record<string, unknown>>): ModelStart {
  const start = startSchema.safeParse(config);
  if (start.success) return start.data;
  throw new InputError(`${folder}/config.json: ${describeComplaint(start.error, config)}`);
}

/**
 * The final state of a finished run, which needs no resuming; null for an unfinished one. Changes nothing in the
 * folder.
 */
export function finishedState(folder: string): State | null {
  const saved = savedState(folder);
  if (saved === null || saved["finished"] == null) return null;
  const state = stateSchema.safeParse(saved);
  if (state.success) return isOutgrown(folder, state.data) ? null : state.data;
  throw new InputError(
    `${folder}: its last checkpoint was written by another version of rls3 (${describeComplaint(state.error, saved)})`,
  );
}

/** Whether the run got a longer plan after it ended. */
function isOutgrown(folder: string, state: State): boolean {
  if (!existsSync(path.join(folder, "config.json"))) return false;
  const { continued, configuration } = readRunConfig(folder);
  if (continued === undefined) return false;
  return finishedBy(parseResolved(`${folder}/config.json`, configuration), state) === null;
}

/**
 * The newest checkpoint's state. Also null where the checkpoint is damaged: resuming reports that, and goes on from the
 * one before.
 */
function savedState(folder: string): Checkpoint["state"] | null {
  try {
    return newestState(folder);
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

/**
 * The same, after checking its files: restores the files that its last checkpoint has copies of.
 * @throws InputError where they differ from what the run wrote
 */
export function settledState(plan: RunPlan, progress: Progress): State | null {
  const state = finishedState(plan.folder);
  if (state === null) return null;
  const directory = RunDirectory.open(plan.folder);
  try {
    refuseOtherPlan(directory, plan);
    directory.settle((line) => progress.warn(line));
  } finally {
    directory.close();
  }
  return state;
}
