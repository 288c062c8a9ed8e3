/** @file How the model does on each sample: its answers to the pairs, and what of them the reward looks at. */
import { codeTerms } from "../language/index.js";
import type { CaptionSet, VisionLanguageModel } from "../vlm/model.js";
import type { Sample } from "./episodes.js";
import { type Answer, ask, captionSet, sampleQuestions, slotPairs } from "./questions.js";
import { hardnessOf, type ScoredSample, scoreOf } from "./reward.js";
import type { World } from "./world.js";

export interface AskedPair {
  /** The true caption, and the one that the model prefers to all others asked. */
  readonly right: string;
  readonly preferred: string;
  readonly answer: Answer;
  /** Degrees to the nearest boundary between relations. */
  readonly margin: number;
}

export interface AskedSample extends ScoredSample {
  /** One for each pair of slots. */
  readonly pairs: readonly AskedPair[];
  /** S of the sample, 1 to 5, and h, 0 to 1. */
  readonly score: number;
  readonly hardness: number;
  /** Terms that are true of the moved object's pairs. */
  readonly movedTerms: readonly string[];
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / Math.max(1, values.length);

/** The right caption unless a wrong one beats it; then the one that beats it by most. */
function preferred({ right, wrong }: CaptionSet, { margins }: Answer): string {
  const lowest = Math.min(0, ...margins);
  return lowest < 0 ? (wrong[margins.indexOf(lowest)] ?? right) : right;
}

export async function scoreSamples(
  model: VisionLanguageModel,
  world: World,
  samples: readonly Sample[],
): Promise<AskedSample[]> {
  const questions = samples.map((sample) => sampleQuestions(world, sample));
  const captions = questions.map((asked) => asked.map((question) => captionSet(world, question)));
  const answers = await ask(
    model,
    samples.map((sample) => sample.image),
    captions,
  );
  return samples.map((sample, i): AskedSample => {
    const slots = slotPairs(sample.objects.length / 5);
    const answered = answers[i] ?? [];
    // Only the object that was placed is the agent's doing: its pairs are what is rewarded.
    const moved = slots.flatMap((pair, j) => (pair.includes(sample.slot) ? [j] : []));
    const probability = mean(moved.map((j) => answered[j]?.probability ?? 0));
    const score = scoreOf(probability);
    return {
      probability,
      share: mean(answered.map(({ margins }) => ((margins[0] ?? 0) > 0 ? 1 : 0))),
      pairs: slots.map(([a, b], j) => {
        const asked = captions[i]?.[j] ?? { right: "", wrong: [] };
        const answer = answered[j] ?? { probability: 0, margins: [] };
        const { margin } = world.relation(sample.scene, sample.objects, a, b);
        return { right: asked.right, preferred: preferred(asked, answer), answer, margin };
      }),
      score,
      hardness: hardnessOf(score),
      movedTerms: moved.flatMap((j) => codeTerms(questions[i]?.[j]?.code ?? 0)),
    };
  });
}
