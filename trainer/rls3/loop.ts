/**
 * @file RLS3 (arXiv 2501.18880), top to bottom: an agent places objects so that a vision-language model (VLM) fails at
 * spatial relations, the VLM is fine-tuned on what the agent found, and the loop starts again. The random baseline and
 * the paper's own agent run through the same code. It writes no files: its caller (trainer/runs) does.
 */
import { at } from "../at.js";
import type { EnvironmentLink } from "../environments/environment-link.js";
import { InputError } from "../errors.js";
import { type Accuracy, evaluate, type TestSets } from "../evaluation/evaluation.js";
import type { Progress } from "../progress.js";
import { Random } from "../random/random.js";
import type { Agent, AgentStatistics, Transition } from "../sac/agent.js";
import type { Configuration } from "../settings/configuration.js";
import { Stopwatch } from "../stopwatch.js";
import type { VisionLanguageModel } from "../vlm/model.js";
import { agentLearning } from "./agent-learning.js";
import { type Episodes, Play, type Sample } from "./episodes.js";
import { learnFeasibility } from "./feasibility.js";
import { type FineTuned, fineTune, subsample } from "./fine-tuning.js";
import { paidRewards, rewards, type StepReward } from "./reward.js";
import { type AskedSample, scoreAgain, scoreSamples } from "./scoring.js";
import { looksBack } from "./signals.js";

/** A valid sample, and how well the model did on it. */
export type FoundSample = Sample & AskedSample;

/**
 * The pay of each sample of an iteration, in order. A step's reward is β times its sample's pay, plus 1 for being
 * valid.
 */
export type Pay = (samples: readonly FoundSample[], iteration: number) => Promise<readonly number[]>;

/** The parts that the algorithm works with; the caller opens and closes them. */
export interface Parts {
  readonly environments: EnvironmentLink;
  readonly agent: Agent;
  readonly model: VisionLanguageModel;
  readonly testSets: TestSets;
  /** Random transitions for offline feasibility pre-training. */
  readonly transitions: () => readonly Transition[];
  /** Replaces feasibility pre-training here: runs share an agent that has already done it. */
  readonly learnFeasibility?: () => Promise<void>;
  /** Required by `reward: "plugin"`, and unused otherwise. */
  readonly pay?: Pay | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

export interface Settings extends Configuration {
  /** Agent and model learn one after the other, so that a single-threaded run leaves the other cores to other runs. */
  readonly inTurns: boolean;
}

/**
 * Everything that one iteration passes to the next, besides the agent and the model. Plain JSON, for the checkpoint.
 */
export interface State {
  readonly iteration: number;
  /** Placements tried in the loop, and how many were valid. */
  readonly generated: number;
  readonly valid: number;
  /** How often each term was true of a moved object's pair in a valid sample. */
  readonly terms: Readonly<Record<string, number>>;
  /** The best validation accuracy, and its iteration. */
  readonly best: { readonly iteration: number; readonly accuracy: number } | null;
  readonly finished: "all iterations done" | "all valid samples made" | "steps used up" | "validation plateau" | null;
}

/** An iteration's episodes, and what was made of them. */
export interface Found {
  readonly episodes: Episodes;
  readonly scored: readonly AskedSample[];
  readonly rewarded: readonly (readonly StepReward[])[];
  /** Indices of the samples used for fine-tuning. */
  readonly kept: readonly number[];
  readonly tuned: FineTuned;
  readonly agentStatistics: AgentStatistics;
}

/** The result of an iteration: the loop's state, accuracies on the test sets, and the samples found. */
export interface Iteration {
  readonly state: State;
  readonly test: Accuracy;
  /** Null where there is no natural mix. */
  readonly natural: Accuracy | null;
  /** Absent in iteration 0, which only measures. */
  readonly found?: Found;
  /** Seconds per phase. */
  readonly stopwatch: Stopwatch;
}

/**
 * The iterations, from the one after `from`; from iteration 0 where `from` is null, with agent and model as they are
 * before the loop. Agent and model do not change while the caller handles an iteration.
 */
export async function* rls3(parts: Parts, settings: Settings, from: State | null): AsyncGenerator<Iteration> {
  let state = from;
  if (state === null) {
    const first = await start(parts, settings);
    yield first;
    state = first.state;
  }
  while (state.finished === null) {
    const next = await iterate(parts, settings, state);
    yield next;
    state = next.state;
  }
}

/** Before the loop, the agent learns which placements are feasible, without images and without the model. */
async function start(parts: Parts, settings: Settings): Promise<Iteration> {
  const stopwatch = new Stopwatch();
  await (parts.learnFeasibility?.() ?? learnFeasibility(parts, settings));
  stopwatch.lap("agent");
  const accuracies = await measure(parts);
  const best = settings.earlyStopping ? await validate(parts, null, 0) : null;
  stopwatch.lap("evaluation");
  return { state: { iteration: 0, generated: 0, valid: 0, terms: {}, best, finished: null }, ...accuracies, stopwatch };
}

/** One iteration: E episodes → scores → rewards → agent, η of the samples → model → evaluation. */
async function iterate(parts: Parts, settings: Settings, before: State): Promise<Iteration> {
  const { agent, environments, model } = parts;
  const { seed, samplingRate, inTurns } = settings;
  const iteration = before.iteration + 1;
  const stopwatch = new Stopwatch();
  parts.signal?.throwIfAborted();

  // E episodes of T₀ valid samples each. Every step earns r = ±1 for feasibility; the paper's agent learns from it
  // while it acts.
  const learning = agentLearning(agent, settings, Random.stream(seed, "agent", iteration));
  const play = new Play(parts, settings, iteration);
  for await (const round of play.rounds()) await learning.during(round);
  const episodes = await play.result();
  stopwatch.lap("episodes");

  // Metadata → captions → model: how well does it do on each sample?
  const scored = await scoreSamples(model, environments.world, episodes.samples, settings.scoreFrom);
  stopwatch.lap("score");

  const kept = subsample(episodes.samples, scored, samplingRate, Random.stream(seed, "subsampling", iteration));
  const tune = () =>
    fineTune(
      parts,
      kept.map((i) => at(episodes.samples, i)),
      settings,
      iteration,
    );
  // Learning progress is known only after fine-tuning.
  const tunedFirst = looksBack(settings.signal) ? await tune() : null;
  const again = () => scoreAgain(model, environments.world, episodes.samples, settings.scoreFrom, scored);
  const paid = tunedFirst === null ? scored : await again();

  // Plus β·h at each valid sample, by the signal (the paper's: the worse the model, the more), or plus β·J₂ on the
  // episode's last transition.
  const rewarded = await rewardsOf(parts, settings, episodes, paid, iteration);

  // The agent learns from the rewards while η of the samples fine-tune the model: neither needs the other's result.
  const learn = () => learning.after(episodes.steps, rewarded).finally(() => stopwatch.lap("agent"));
  const [agentStatistics, tuned] =
    inTurns || tunedFirst !== null
      ? [await learn(), tunedFirst ?? (await tune())]
      : await Promise.all([learn(), tune()]);
  stopwatch.lap("fineTuning");
  parts.signal?.throwIfAborted();

  // On images that neither the agent nor fine-tuning ever sees.
  const accuracies = await measure(parts);
  const best = settings.earlyStopping ? await validate(parts, before.best, iteration) : null;
  stopwatch.lap("evaluation");

  const generated = before.generated + episodes.steps.reduce((sum, steps) => sum + steps.length, 0);
  const valid = before.valid + episodes.samples.length;
  const state: State = {
    iteration,
    generated,
    valid,
    terms: countTerms(before.terms, scored),
    best,
    finished: finishedBy(settings, { iteration, generated, valid, best }),
  };
  return { state, ...accuracies, found: { episodes, scored, rewarded, kept, tuned, agentStatistics }, stopwatch };
}

async function rewardsOf(
  { pay }: Parts,
  settings: Settings,
  { steps, samples }: Episodes,
  scored: readonly AskedSample[],
  iteration: number,
): Promise<StepReward[][]> {
  const { reward } = settings;
  if (reward !== "plugin") return rewards(steps, scored, { ...settings, reward });
  if (pay === undefined) throw new InputError("--reward plugin: needs --plugin FILE with a reward");
  const found = samples.map((sample, i) => ({ ...sample, ...at(scored, i) }));
  return paidRewards(steps, await pay(found, iteration), settings.extrinsicWeight);
}

/** The points of the curves: on the balanced test set, and on the natural mix of random placements. */
async function measure({ model, environments, testSets }: Parts): Promise<Pick<Iteration, "test" | "natural">> {
  const { test, natural } = testSets;
  return {
    test: await evaluate(model, environments.world, test, true),
    natural: natural.images.length === 0 ? null : await evaluate(model, environments.world, natural),
  };
}

/** Accuracy on validation images from other seeds; returns the best so far. */
async function validate(
  { model, environments, testSets }: Parts,
  best: State["best"],
  iteration: number,
): Promise<NonNullable<State["best"]>> {
  const { oneTerm } = await evaluate(model, environments.world, testSets.validation);
  return best !== null && oneTerm <= best.accuracy ? best : { iteration, accuracy: oneTerm };
}

/** Why a run with these settings ends here; null where it goes on. */
export function finishedBy(
  {
    iterations,
    validSamples,
    stepLimit,
    patience,
  }: Pick<Settings, "iterations" | "validSamples" | "stepLimit" | "patience">,
  { iteration, generated, valid, best }: Omit<State, "terms" | "finished">,
): State["finished"] {
  if (validSamples === 0 && iteration >= iterations) return "all iterations done";
  if (validSamples > 0 && valid >= validSamples) return "all valid samples made";
  // Otherwise an agent that finds hardly any valid placement would never end.
  if (validSamples > 0 && generated >= validSamples * stepLimit) return "steps used up";
  return best !== null && iteration - best.iteration >= patience ? "validation plateau" : null;
}

function countTerms(before: State["terms"], scored: readonly AskedSample[]): State["terms"] {
  const counts: Record<string, number> = { ...before };
  for (const term of scored.flatMap(({ movedTerms }) => movedTerms)) counts[term] = (counts[term] ?? 0) + 1;
  return counts;
}
