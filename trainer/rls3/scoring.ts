/** @file How the model does on each sample: its answers to the pairs, and what of them the reward looks at. */
import { at } from "../at.js";
import type { World } from "../environments/served-world.js";
import { type Answer, ask, captionSet, sampleQuestions } from "../evaluation/questions.js";
import { codeTerms } from "../language/index.js";
import { meanOrNull } from "../mean.js";
import type { CaptionSet, VisionLanguageModel } from "../vlm/model.js";
import type { Sample } from "./episodes.js";
import { hardnessOf, type ScoredSample, scoreOf } from "./reward.js";

export interface AskedPair {
  readonly slots: readonly [number, number];
  /** Relation code of the first slot's object to the second's. */
  readonly code: number;
  /** The true caption, and the one that the model prefers to all others asked. */
  readonly right: string;
  readonly preferred: string;
  readonly answer: Answer;
  /** Degrees to the nearest boundary between relations. */
  readonly margin: number;
}

export interface AskedSample extends ScoredSample {
  /** One for each pair of slots that may be asked about. */
  readonly pairs: readonly AskedPair[];
  /** S of the sample, 1 to 5; null where nothing about the moved object is asked. */
  readonly score: number | null;
  /** h, 0 to 1; 0 where nothing about the moved object is asked: it pays nothing. */
  readonly hardness: number;
  /** Terms that are true of the moved object's pairs. */
  readonly movedTerms: readonly string[];
}

/** The right caption unless a wrong one beats it; then the one that beats it by most. */
function preferred({ right, wrong }: CaptionSet, { margins }: Answer): string {
  const lowest = Math.min(0, ...margins);
  return lowest < 0 ? at(wrong, margins.indexOf(lowest)) : right;
}

export async function scoreSamples(
  model: VisionLanguageModel,
  world: World,
  samples: readonly Sample[],
): Promise<AskedSample[]> {
  const questions = samples.map((sample) => sampleQuestions(world, sample));
  const captions = questions.map((ofSample) => ofSample.map((question) => captionSet(world, question)));
  const answers = await ask(
    model,
    samples.map((sample) => sample.image),
    captions,
  );
  return samples.map((sample, i): AskedSample => {
    const pairs = at(questions, i).map(({ slots, code, margin }, j): AskedPair => {
      const set = at(at(captions, i), j);
      const answer = at(at(answers, i), j);
      return { slots, code, right: set.right, preferred: preferred(set, answer), answer, margin };
    });
    // Only the object that was placed is the agent's doing: its pairs are what is rewarded.
    const moved = pairs.filter(({ slots }) => slots.includes(sample.slot));
    const probability = meanOrNull(moved.map(({ answer }) => answer.probability));
    const score = probability === null ? null : scoreOf(probability);
    return {
      probability,
      share: meanOrNull(pairs.map(({ answer }) => (at(answer.margins, 0) > 0 ? 1 : 0))),
      pairs,
      score,
      hardness: score === null ? 0 : hardnessOf(score),
      movedTerms: moved.flatMap(({ code }) => codeTerms(code)),
    };
  });
}
