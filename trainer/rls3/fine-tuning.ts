/**
 * @file Fine-tunes on an iteration's samples: a share η of each episode's, for some epochs of batches, each image with
 * all its askable pairs.
 */
import { at } from "../at.js";
import type { World } from "../environments/served-world.js";
import { competing, sampleQuestions, stack } from "../evaluation/questions.js";
import type { Progress } from "../progress.js";
import { Random } from "../random/random.js";
import type { Configuration } from "../settings/configuration.js";
import type { VisionLanguageModel } from "../vlm/model.js";
import type { Sample } from "./episodes.js";

/**
 * Indices of the samples to fine-tune on: from each episode a share η, drawn without replacement. Samples without an
 * askable pair are no candidates, so every batch is full and "kept" is what the model was trained on.
 */
export function subsample(
  samples: readonly Pick<Sample, "episode">[],
  scored: readonly { readonly pairs: readonly unknown[] }[],
  rate: number,
  random: Random,
): number[] {
  const byEpisode = new Map<number, number[]>();
  for (const [i, { episode }] of samples.entries()) {
    if (at(scored, i).pairs.length === 0) continue;
    const indices = byEpisode.get(episode);
    if (indices === undefined) byEpisode.set(episode, [i]);
    else indices.push(i);
  }
  return [...byEpisode.values()].flatMap((indices) => {
    const order = random.permutation(indices.length);
    return Array.from(order.subarray(0, Math.round(rate * indices.length)), (place) => at(indices, place));
  });
}

/**
 * `epochs` passes in fresh random order, in batches of exactly `size` (or one smaller batch where there are fewer
 * items).
 */
export function batches<T>(items: readonly T[], size: number, epochs: number, random: Random): T[][] {
  const stream = Array.from({ length: epochs }, () =>
    Array.from(random.permutation(items.length), (place) => at(items, place)),
  ).flat();
  const whole = Math.floor(stream.length / size);
  if (whole === 0) return stream.length === 0 ? [] : [stream];
  return Array.from({ length: whole }, (_, i) => stream.slice(i * size, (i + 1) * size));
}

export interface FineTuned {
  /** Mean over the iteration's steps; null where there were none. */
  readonly loss: number | null;
  readonly gradientNorm: number | null;
}

export interface FineTuningParts {
  readonly model: VisionLanguageModel;
  readonly environments: { readonly world: World };
  readonly progress: Progress;
}

/** Fine-tunes the model on the subsample of an iteration. */
export async function fineTune(
  { model, environments, progress }: FineTuningParts,
  samples: readonly Sample[],
  { seed, epochs, batchSize, negatives }: Pick<Configuration, "seed" | "epochs" | "batchSize" | "negatives">,
  iteration: number,
): Promise<FineTuned> {
  const { world } = environments;
  const random = Random.stream(seed, "fine-tuning", iteration);
  const flipping = Random.stream(seed, "negatives", iteration);
  const plan = batches(samples, batchSize, epochs, random);
  let loss = 0;
  let gradientNorm = 0;
  progress.begin("fine-tuning", plan.length, "steps");
  for (const [done, batch] of plan.entries()) {
    const result = await model.fineTune(
      stack(batch.map((sample) => sample.image)),
      competing(
        { world, phrasing: model.phrasing },
        batch.map((sample) => sampleQuestions(world, sample, random)),
        negatives,
        flipping,
      ),
    );
    loss += result.loss;
    gradientNorm += result.gradientNorm;
    progress.advance(done + 1);
  }
  progress.end();
  if (plan.length === 0) return { loss: null, gradientNorm: null };
  return { loss: loss / plan.length, gradientNorm: gradientNorm / plan.length };
}
