/**
 * @file RLS3 (arXiv 2501.18880), top to bottom: an agent places objects so that a vision-language model (VLM) fails at spatial
 * relations, the VLM is fine-tuned on what it found, and again. The random baseline and the paper's own agent take the same way.
 */
import { Random } from "../random/random.js";
import type { Agent } from "../sac/agent.js";
import type { TrainingState, VisionLanguageModel } from "../vlm/model.js";
import { agentLearning } from "./agent-learning.js";
import type { Configuration } from "./configuration.js";
import type { EnvironmentLink } from "./environment-link.js";
import { generateEpisodes } from "./episodes.js";
import { evaluate } from "./evaluation.js";
import { learnFeasibility } from "./feasibility.js";
import { fineTune, subsample } from "./fine-tuning.js";
import type { Preparation } from "./preparation.js";
import type { Progress } from "./progress.js";
import { type Happened, record } from "./record.js";
import { rewards } from "./reward.js";
import type { RunDirectory } from "./run-directory.js";
import { scoreSamples } from "./scoring.js";
import { newSignatures } from "./signatures.js";
import { Stopwatch } from "./stopwatch.js";
import { prefixed, unprefixed } from "./tensor-file.js";

/** What a run works with, opened and closed by run.ts. */
export interface Run {
  readonly configuration: Configuration;
  readonly environments: EnvironmentLink;
  readonly agent: Agent;
  readonly model: VisionLanguageModel;
  readonly preparation: Preparation;
  /** Folder of what runs share, the preparation among it. */
  readonly shared: string;
  /** Folder in which agents that have learned feasibility are kept for runs that would learn the same; null: kept nowhere but those that learn online, in `shared`. */
  readonly pretrained: string | null;
  readonly directory: RunDirectory;
  readonly progress: Progress;
  /** A comparison gives every arm its full budget; stopping early would flatter whoever stops late. */
  readonly earlyStopping: boolean;
  /** Agent and model learn one after the other: so that a run of one thread leaves the other cores to other runs. */
  readonly inTurns: boolean;
  readonly signal: AbortSignal | undefined;
}

/** All that one iteration hands to the next, beside the agent and the model. Plain JSON: a checkpoint holds it. */
export interface State {
  readonly iteration: number;
  /** Placements tried in the loop, and those that were valid. */
  readonly generated: number;
  readonly valid: number;
  /** How often each term was true of a moved object's pair in a valid sample. */
  readonly terms: Readonly<Record<string, number>>;
  /** The best validation accuracy, and the iteration it was reached in. */
  readonly best: { readonly iteration: number; readonly accuracy: number } | null;
  readonly finished: "all iterations done" | "all valid samples made" | "steps used up" | "validation plateau" | null;
}

/** Runs to the end, from a checkpoint where there is one. */
export async function rls3(run: Run): Promise<State> {
  let state = (await restore(run)) ?? (await start(run));
  while (state.finished === null) state = await iterate(run, state);
  return state;
}

/** Before the loop: the agent learns what a feasible placement is from random transitions, without images and without the model. */
async function start(run: Run): Promise<State> {
  const { directory } = run;
  const stopwatch = new Stopwatch();
  await learnFeasibility(run);
  stopwatch.lap("agent");
  const accuracies = await measure(run);
  const validated = run.earlyStopping ? await validate(run, null, 0) : null;
  stopwatch.lap("evaluation");
  const state: State = { iteration: 0, generated: 0, valid: 0, terms: {}, best: validated, finished: null };
  await record(run, state, accuracies);
  await save(run, state);
  stopwatch.lap("checkpoint");
  directory.append("timings.csv", [stopwatch.row(0)]);
  return state;
}

/** One iteration: E episodes → scores → rewards → agent, η of the samples → model → evaluation. */
async function iterate(run: Run, before: State): Promise<State> {
  const { agent, configuration, directory, environments, model, progress } = run;
  const { seed, samplingRate } = configuration;
  const { world } = environments;
  const iteration = before.iteration + 1;
  const stopwatch = new Stopwatch();
  run.signal?.throwIfAborted();

  // E episodes of T₀ valid samples each; every step earns r = ±1 for feasibility, from which the paper's agent learns while it acts.
  const learning = agentLearning(agent, configuration, Random.stream(seed, "agent", iteration));
  const episodes = await generateEpisodes(
    environments,
    agent,
    configuration,
    iteration,
    progress,
    learning.whileActing,
  );
  stopwatch.lap("episodes");

  // Metadata → captions → model: how well does it do on each sample?
  const scored = await scoreSamples(model, world, episodes.samples);
  stopwatch.lap("score");

  // The worse, the more reward: + β·h at each valid sample, or + β·J₂ on the episode's last transition.
  const rewarded = rewards(episodes.steps, scored, configuration);

  // The agent learns from it, while η of the samples fine-tune the model: neither needs the other's result.
  const kept = subsample(episodes.samples, scored, samplingRate, Random.stream(seed, "subsampling", iteration));
  const learn = () => learning.finish(episodes.steps, rewarded).finally(() => stopwatch.lap("agent"));
  const tune = () => fineTune(model, world, episodes.samples, kept, configuration, iteration, progress);
  const [agentStatistics, tuned] = run.inTurns ? [await learn(), await tune()] : await Promise.all([learn(), tune()]);
  stopwatch.lap("fineTuning");
  run.signal?.throwIfAborted();

  // On images that neither agent nor fine-tuning ever sees.
  const accuracies = await measure(run);
  const best = run.earlyStopping ? await validate(run, before.best, iteration) : null;
  stopwatch.lap("evaluation");

  const generated = before.generated + episodes.steps.reduce((sum, steps) => sum + steps.length, 0);
  const valid = before.valid + episodes.samples.length;
  const state: State = {
    iteration,
    generated,
    valid,
    terms: countTerms(before.terms, scored),
    best,
    finished: finished(configuration, { iteration, generated, valid, best }),
  };
  const rows = await record(run, state, {
    ...accuracies,
    iteration: { episodes, scored, rewarded, kept, tuned, agentStatistics },
  });
  for (const line of newSignatures(rows, configuration.agent)) {
    progress.say(`warning: ${line}`);
    directory.log.warn({ iteration, signature: line });
  }
  await save(run, state);
  stopwatch.lap("checkpoint");
  directory.append("timings.csv", [stopwatch.row(iteration)]);
  return state;
}

/** The points of the curves: on the test set balanced over relations, and on what random placements give. */
async function measure({ model, environments, preparation }: Run): Promise<Pick<Happened, "test" | "natural">> {
  const { test, natural } = preparation;
  return {
    test: await evaluate(model, environments.world, test),
    natural: natural.images.length === 0 ? null : await evaluate(model, environments.world, natural),
  };
}

/** Validation on images of other seeds; a new best keeps its adapter. */
async function validate(run: Run, best: State["best"], iteration: number): Promise<NonNullable<State["best"]>> {
  const { oneTerm } = await evaluate(run.model, run.environments.world, run.preparation.validation);
  if (best !== null && oneTerm <= best.accuracy) return best;
  await run.model.saveAdapter(run.directory.path("adapter"));
  return { iteration, accuracy: oneTerm };
}

function finished(
  { iterations, validSamples, stepLimit, patience }: Configuration,
  { iteration, generated, valid, best }: Omit<State, "terms" | "finished">,
): State["finished"] {
  if (validSamples === 0 && iteration >= iterations) return "all iterations done";
  if (validSamples > 0 && valid >= validSamples) return "all valid samples made";
  // An agent that finds hardly a valid placement would never get there.
  if (validSamples > 0 && generated >= validSamples * stepLimit) return "steps used up";
  return best !== null && iteration - best.iteration >= patience ? "validation plateau" : null;
}

function countTerms(
  before: State["terms"],
  scored: readonly { readonly movedTerms: readonly string[] }[],
): State["terms"] {
  const counts: Record<string, number> = { ...before };
  for (const term of scored.flatMap(({ movedTerms }) => movedTerms)) counts[term] = (counts[term] ?? 0) + 1;
  return counts;
}

async function save({ agent, model, directory, configuration }: Run, state: State): Promise<void> {
  const trained = await model.state();
  const tensors = { ...prefixed("agent", await agent.state()), ...prefixed("vlm", trained.tensors) };
  const saved: Saved = { ...state, modelSteps: trained.steps };
  directory.saveCheckpoint(state.iteration, { state: saved, tensors }, configuration.checkpointsKept);
}

type Saved = State & { readonly modelSteps: TrainingState["steps"] };

async function restore({ agent, model, directory, progress }: Run): Promise<State | null> {
  const checkpoint = directory.resume<Saved>((line) => progress.say(`warning: ${line}`));
  if (checkpoint === null) return null;
  const { modelSteps, ...state } = checkpoint.state;
  await agent.restore(unprefixed("agent", checkpoint.tensors));
  await model.restore({ tensors: unprefixed("vlm", checkpoint.tensors), steps: modelSteps });
  return state;
}
