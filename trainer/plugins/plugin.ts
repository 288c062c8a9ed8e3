/**
 * @file `Plugin`: the parts that a user's module can add to a run. Only the name is required; hooks get everything they
 * need as arguments.
 */
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
  /** Its name in messages and in config.json. */
  readonly name: string;
  /** The reward of `--reward plugin`, which is then the default. */
  readonly reward?: Reward;
  /** The agent of `--agent plugin`, which is then the default. */
  readonly agent?: OpenAgent;
  /** Words for relations, in captions and answers. */
  readonly vocabulary?: Vocabulary;
  /** Metrics after each iteration. */
  readonly evaluation?: Evaluation;
  /** Called as the run goes on; they cannot change it. */
  readonly callbacks?: Callbacks;
}

type Later<T> = T | Promise<T>;

/** What a reward may use besides the samples. */
export interface RewardContext {
  /** From 1. */
  readonly iteration: number;
  readonly configuration: Configuration;
  readonly world: World;
  /** Seeded by the run and the iteration, so its numbers are reproducible; those of Math.random are not. */
  readonly random: Random;
}

/**
 * Returns one finite number for each valid sample of the iteration, in order. The reward of the sample's step is β
 * times that, unscaled, plus 1 for being valid. The default agent predicts amounts from 0 to `--hardness-cap`; the
 * built-in rewards have a mean of `--hardness-mean`.
 */
export type Reward = (samples: readonly FoundSample[], context: RewardContext) => Later<readonly number[]>;

/** Opens the agent with a state drawn from `options.seed`. `Agent` says what it must do. */
export type OpenAgent = (options: AgentOptions) => Later<Agent>;

/** What a plugin's metrics may use. */
export interface EvaluationContext {
  /** 0 is before the first iteration. */
  readonly iteration: number;
  readonly configuration: Configuration;
  readonly world: World;
  /** For scoring only; training it would change the run. */
  readonly model: Pick<VisionLanguageModel, "score" | "reply" | "phrasing" | "imageSize" | "description">;
  /**
   * `test` is balanced over relations, `natural` is the mix of random placements, `validation` decides early stopping.
   */
  readonly testSets: TestSets;
  /** The model's accuracies on one of the test sets, or on some of its images and questions. */
  accuracy(set: TestSet): Promise<Accuracy>;
  /** Seeded by the run and the iteration. */
  readonly random: Random;
}

/** A plugin's own metrics, measured before the first iteration and after each. */
export interface Evaluation {
  /** Columns of plugin.csv and tags `plugin/…` of TensorBoard: letters, digits and _. */
  readonly metrics: readonly string[];
  /** A finite number for each metric, or null where it is not measured in this iteration. */
  measure(context: EvaluationContext): Later<Readonly<Record<string, number | null>>>;
}

/** The start of a new or resumed run. */
export interface RunStart {
  readonly folder: string;
  readonly configuration: Configuration;
  /** The last saved iteration; null for a new run. */
  readonly resumedFrom: number | null;
}

/** A valid sample with its reward. */
export interface ReportedSample extends FoundSample {
  readonly iteration: number;
  readonly reward: StepReward;
  /** Whether the model was fine-tuned on it. */
  readonly kept: boolean;
}

/** Called one at a time and awaited. An iteration repeated after a kill is reported again. */
export interface Callbacks {
  /** Called before the first iteration of a new or resumed run. */
  onStart?(run: RunStart): Later<void>;
  /** Called for each valid sample of an iteration, before `onIteration`. */
  onSample?(sample: ReportedSample): Later<void>;
  /**
   * Called once the iteration's row is in metrics.csv, before its checkpoint. `state.finished` says why it is the last
   * one.
   */
  onIteration?(iteration: Omit<Iteration, "stopwatch">): Later<void>;
}
