import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../trainer/random/random.js";
import type { Sample } from "../../trainer/rls3/episodes.js";
import { batches, subsample } from "../../trainer/rls3/fine-tuning.js";

const sampleOf = (episode: number): Sample => ({
  episode,
  step: 0,
  scene: 0,
  objects: new Int32Array(15),
  slot: 0,
  image: new Uint8Array(),
});

describe("subsampling", () => {
  it("keeps η of each episode's samples with an askable pair, none twice and none of the others", () => {
    fc.assert(
      fc.property(
        // For each episode, how many pairs of each of its samples can be asked about.
        fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 40 }), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.nat(),
        (episodes, rate, seed) => {
          const samples = episodes.flatMap((pairs, episode) => pairs.map(() => sampleOf(episode)));
          const scored = episodes.flat().map((count) => ({ pairs: Array.from({ length: count }, () => null) }));
          const kept = subsample(samples, scored, rate, new Random(seed));
          expect(new Set(kept).size).toBe(kept.length);
          expect(kept.filter((i) => scored[i]?.pairs.length === 0)).toEqual([]);
          for (const [episode, pairs] of episodes.entries()) {
            const own = kept.filter((i) => samples[i]?.episode === episode).length;
            expect(own).toBe(Math.round(rate * pairs.filter((count) => count > 0).length));
          }
        },
      ),
    );
  });
});

describe("batches", () => {
  it("have one size, and show each sample once per epoch", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 6 }), fc.nat(), (size, epochs, seed) => {
        const indices = Array.from({ length: 2 * size }, (_, i) => 100 + i);
        const plan = batches(indices, size, epochs, new Random(seed));
        expect(plan.map((batch) => batch.length)).toEqual(Array.from({ length: 2 * epochs }, () => size));
        for (let epoch = 0; epoch < epochs; epoch++) {
          expect(
            plan
              .slice(2 * epoch, 2 * epoch + 2)
              .flat()
              .sort((a, b) => a - b),
          ).toEqual(indices);
        }
      }),
    );
  });

  it("are one smaller batch where there are fewer samples than its size", () => {
    expect(batches([7], 48, 2, new Random(0))).toEqual([[7, 7]]);
    expect(batches([], 48, 3, new Random(0))).toEqual([]);
  });
});
