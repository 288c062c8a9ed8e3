/** @file How well the model does on each sample: its answers about the pairs, and what the reward reads from them. */
import { at } from "../at.js";
import type { World } from "../environments/served-world.js";
import { type Answer, askAloud, captionSet, type Spoken, sampleQuestions, spoken } from "../evaluation/questions.js";
import { codeTerms } from "../language/index.js";
import { meanOrNull } from "../mean.js";
import type { ScoreFrom } from "../settings/signal-names.js";
import type { CaptionSet, VisionLanguageModel } from "../vlm/model.js";
import type { Sample } from "./episodes.js";
import type { ScoredSample } from "./reward.js";
import { hardnessOf, scoreOf } from "./score.js";

export interface AskedPair {
  readonly slots: readonly [number, number];
  /** Relation code of the first slot's object relative to the second's. */
  readonly code: number;
  /** The prompt that the texts answer; null where they are captions. */
  readonly prompt: string | null;
  /** The true text, and the text that the model prefers to all others. */
  readonly right: string;
  readonly preferred: string;
  readonly answer: Answer;
  /** Null where the model only ranks. */
  readonly said: Spoken | null;
  /** Degrees to the nearest boundary between relations. */
  readonly margin: number;
}

export interface AskedSample extends ScoredSample {
  /** One for each askable pair of slots. */
  readonly pairs: readonly AskedPair[];
  /** S of the sample, 1 to 5; null where no pair of the moved object is askable. */
  readonly score: number | null;
  /** h, 0 to 1; 0 (no pay) where no pair of the moved object is askable. */
  readonly hardness: number;
}

/** The right caption unless a wrong one beats it; then the strongest wrong one. */
function preferred({ right, wrong }: CaptionSet, { margins }: Answer): string {
  const lowest = Math.min(0, ...margins);
  return lowest < 0 ? at(wrong, margins.indexOf(lowest)) : right;
}

/**
 * (S − 1) / 4 of one pair by the paper's rubric. For a model that ranks: whether the right caption beats its full flip.
 */
const rubricOf = ({ said, answer }: AskedPair): number => said?.f1 ?? (at(answer.margins, 0) > 0 ? 1 : 0);

/** Scores the moved objects' pairs again, after fine-tuning. */
export async function scoreAgain(
  model: VisionLanguageModel,
  world: World,
  samples: readonly Sample[],
  from: ScoreFrom,
  before: readonly AskedSample[],
): Promise<AskedSample[]> {
  const after = await scoreSamples(model, world, samples, from);
  return before.map((sample, i) => ({ ...sample, probabilityAfter: at(after, i).probability }));
}

/** How right the model is about a pair, 0 to 1. */
function rightness(pair: AskedPair, from: ScoreFrom): number {
  switch (from) {
    case "flips":
      return pair.answer.probability;
    case "likelihood":
      return pair.answer.likelihood;
    case "spoken":
      return rubricOf(pair);
  }
}

export async function scoreSamples(
  model: VisionLanguageModel,
  world: World,
  samples: readonly Sample[],
  from: ScoreFrom = "flips",
): Promise<AskedSample[]> {
  const questions = samples.map((sample) => sampleQuestions(world, sample));
  const wording = { world, phrasing: model.phrasing };
  const captions = questions.map((ofSample) => ofSample.map((question) => captionSet(wording, question)));
  const answers = await askAloud(
    model,
    samples.map((sample) => sample.image),
    captions,
  );
  return samples.map((sample, i): AskedSample => {
    const pairs = at(questions, i).map((question, j): AskedPair => {
      const { slots, code, margin } = question;
      const set = at(at(captions, i), j);
      const { said, ...answer } = at(at(answers, i), j);
      return {
        ...{ slots, code, prompt: set.prompt ?? null, right: set.right, preferred: preferred(set, answer), answer },
        said: said === null ? null : spoken(wording, question, said),
        margin,
      };
    });
    // The agent chose only the placed object, so only that object's pairs are rewarded.
    const moved = pairs.filter(({ slots }) => slots.includes(sample.slot));
    const probability = meanOrNull(moved.map((pair) => rightness(pair, from)));
    const score = probability === null ? null : scoreOf(probability);
    return {
      probability,
      margin: Math.min(...moved.map((pair) => pair.margin)),
      rubric: meanOrNull(pairs.map(rubricOf)),
      pairs,
      score,
      hardness: score === null ? 0 : hardnessOf(score),
      movedTerms: moved.flatMap(({ code }) => codeTerms(code)),
    };
  });
}
