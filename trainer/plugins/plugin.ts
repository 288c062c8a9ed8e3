/** @file `Plugin`: what a module of one's own may put into a run. Every member is optional; hooks get all that they need as arguments. */
import type { World } from "../environments/served-world.js";
import type { Accuracy, TestSet, TestSets } from "../evaluation/evaluation.js";
import type { Vocabulary } from "../language/index.js";
import type { Random } from "../random/random.js";
import type { FoundSample, Iteration } from "../rls3/loop.js";
import type { StepReward } from "../rls3/reward.js";
import type { Agent } from "../sac/agent.js";
import type { AgentOptions } from "../sac/agent-options.js";
import type { Configuration } from "../settings/configuration.js";
import type { VisionLanguageModel } from "../vlm/model.js";

/** The default export of the module at `--plugin FILE`. */
export interface Plugin {
  /** What messages and config.json call it. */
  readonly name: string;
  /** What `--reward plugin` pays; taken unless `--reward` says otherwise. */
  readonly reward?: Reward;
  /** What `--agent plugin` is; taken unless `--agent` says otherwise. */
  readonly agent?: OpenAgent;
  /** How relations are said to the model, and read from its answers. */
  readonly vocabulary?: Vocabulary;
  /** Measures of one's own, after every iteration. */
  readonly evaluation?: Evaluation;
  /** Told what happens; nothing of the run follows from them. */
  readonly callbacks?: Callbacks;
}

type Later<T> = T | Promise<T>;

export interface RewardContext {
  /** From 1. */
  readonly iteration: number;
  readonly configuration: Configuration;
  readonly world: World;
  /** Of the run's seed and this iteration: draws from it repeat, and those of Math.random do not. */
  readonly random: Random;
}

/**
 * One finite number for each of the iteration's valid samples, in their order: β times it is paid at the sample's step, unscaled, beside the ±1 for
 * feasibility. The default agent predicts amounts from 0 to `--hardness-cap`; what is usual is a mean near `--hardness-mean`.
 */
export type Reward = (samples: readonly FoundSample[], context: RewardContext) => Later<readonly number[]>;

/** Opens the agent, with its state drawn from `options.seed`; what it must be able to do is said at `Agent`. */
export type OpenAgent = (options: AgentOptions) => Later<Agent>;

export interface EvaluationContext {
  /** 0 is before the first. */
  readonly iteration: number;
  readonly configuration: Configuration;
  readonly world: World;
  /** To be asked; what trains it would change the run. */
  readonly model: Pick<VisionLanguageModel, "score" | "reply" | "phrasing" | "imageSize" | "description">;
  /** `test` is balanced over relations, `natural` what random placements give, `validation` for early stopping. */
  readonly testSets: TestSets;
  /** The model's accuracies on a set: one of the test sets, or some of its images and questions. */
  accuracy(set: TestSet): Promise<Accuracy>;
  /** Of the run's seed and this iteration. */
  readonly random: Random;
}

export interface Evaluation {
  /** Columns of plugin.csv, and TensorBoard's tags behind `plugin/`: letters, digits and _. */
  readonly metrics: readonly string[];
  /** A finite number for each metric; null where it is not measured in this iteration. */
  measure(context: EvaluationContext): Later<Readonly<Record<string, number | null>>>;
}

/** A run as it begins, or as it is gone on with. */
export interface RunStart {
  readonly folder: string;
  readonly configuration: Configuration;
  /** The last iteration that is saved; null for a run that begins. */
  readonly resumedFrom: number | null;
}

/** A valid sample with what became of it. */
export interface ReportedSample extends FoundSample {
  readonly iteration: number;
  readonly reward: StepReward;
  /** Whether the model was fine-tuned on it. */
  readonly kept: boolean;
}

/** Called one after the other, and waited for. An iteration that is made again after a kill is told again. */
export interface Callbacks {
  onStart?(run: RunStart): Later<void>;
  /** Each valid sample of an iteration, before its `onIteration`. */
  onSample?(sample: ReportedSample): Later<void>;
  /** After an iteration's row is in metrics.csv, and before its checkpoint; `state.finished` says why it is the last one. */
  onIteration?(iteration: Omit<Iteration, "stopwatch">): Later<void>;
}
