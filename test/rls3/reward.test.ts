import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { at } from "../../trainer/at.js";
import { type RewardOptions, rarityWeights, rewards, type ScoredSample } from "../../trainer/rls3/reward.js";
import { hardnessOf, scoreOf } from "../../trainer/rls3/score.js";
import { looksBack, SIGNALS } from "../../trainer/rls3/signals.js";
import { SIGNAL_NAMES } from "../../trainer/settings/signal-names.js";

const sampleMode: RewardOptions = {
  extrinsicWeight: 8,
  reward: "sample",
  signal: "difficulty",
  paidMargin: 0,
  rareTerms: 0,
  hardnessMean: 0.3,
  hardnessCap: 4,
};
const episodeMode: RewardOptions = { ...sampleMode, extrinsicWeight: 10, reward: "episode" };

const share = fc.double({ min: 0, max: 1, noNaN: true });
/** Episodes of valid (true) and invalid steps, and how well the model did on each valid one. */
const iterations = fc
  .array(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 })
  .chain((episodes) => {
    const count = episodes.flat().filter(Boolean).length;
    return fc.record({
      episodes: fc.constant(episodes),
      scores: fc.array(
        fc.record({
          ...{ probability: share, rubric: share, margin: fc.double({ min: 0, max: 22.5, noNaN: true }) },
          movedTerms: fc.subarray(["above", "below", "left", "right"]),
        }),
        { minLength: count, maxLength: count },
      ),
    });
  });

function withSamples(episodes: readonly (readonly boolean[])[]): { sample: number | null }[][] {
  let next = 0;
  return episodes.map((steps) => steps.map((valid) => ({ sample: valid ? next++ : null })));
}

describe("the reward", () => {
  it("is +1 for each valid and -1 for each invalid step, whatever the model does", () => {
    fc.assert(
      fc.property(iterations, fc.constantFrom(sampleMode, episodeMode), ({ episodes, scores }, options) => {
        const feasibility = rewards(withSamples(episodes), scores, options).map((steps) =>
          steps.map((step) => step.feasibility),
        );
        expect(feasibility).toEqual(episodes.map((steps) => steps.map((valid) => (valid ? 1 : -1))));
      }),
    );
  });

  it("gives the agent's hardness head what it pays, for every kind of reward: β times that is the extrinsic part of a valid step", () => {
    fc.assert(
      fc.property(iterations, fc.constantFrom(sampleMode, episodeMode), ({ episodes, scores }, options) => {
        const steps = withSamples(episodes).flat();
        for (const [i, { extrinsic, hardness }] of rewards(withSamples(episodes), scores, options).flat().entries()) {
          expect(hardness === null).toBe(steps[i]?.sample === null);
          if (hardness !== null) expect(extrinsic).toBe(options.extrinsicWeight * hardness);
        }
      }),
    );
  });

  it("per sample pays nothing for an invalid step, and more the worse the model did", () => {
    fc.assert(
      fc.property(iterations, ({ episodes, scores }) => {
        const steps = withSamples(episodes).flat();
        const given = rewards(withSamples(episodes), scores, sampleMode).flat();
        const paid = given.flatMap(({ extrinsic, hardness }, i) => {
          const sample = steps[i]?.sample ?? null;
          if (sample === null) {
            expect(extrinsic).toBe(0);
            expect(hardness).toBeNull();
            return [];
          }
          expect(extrinsic).toBeLessThanOrEqual(8 * 4);
          return [{ extrinsic, probability: scores[sample]?.probability ?? 0 }];
        });
        paid.sort((a, b) => a.probability - b.probability);
        for (const [i, { extrinsic }] of paid.entries()) {
          expect(extrinsic).toBeLessThanOrEqual(paid[Math.max(0, i - 1)]?.extrinsic ?? 0);
        }
      }),
    );
  });

  it("pays nothing for a sample without an askable pair, and the same for the others as if it did not exist", () => {
    const unasked = fc.array(fc.boolean(), { minLength: 1, maxLength: 72 });
    fc.assert(
      fc.property(
        iterations,
        unasked,
        fc.constantFrom(sampleMode, episodeMode),
        ({ episodes, scores }, skip, options) => {
          const isUnasked = (sample: number): boolean => skip[sample % skip.length] === true;
          const steps = withSamples(episodes);
          const given = rewards(
            steps,
            scores.map((own, i) =>
              isUnasked(i)
                ? { probability: null, rubric: null, margin: Number.POSITIVE_INFINITY, movedTerms: [] }
                : own,
            ),
            options,
          );
          // Without them: their steps count as invalid, and the samples are renumbered.
          const asked = scores.flatMap((own, i) => (isUnasked(i) ? [] : [{ own, i }]));
          const without = rewards(
            steps.map((own) =>
              own.map(({ sample }) => {
                const place = asked.findIndex(({ i }) => i === sample);
                return { sample: place < 0 ? null : place };
              }),
            ),
            asked.map(({ own }) => own),
            options,
          );
          for (const [e, own] of steps.entries()) {
            for (const [t, { sample }] of own.entries()) {
              const { feasibility, extrinsic, hardness } = given[e]?.[t] ?? { feasibility: 0, extrinsic: Number.NaN };
              expect(extrinsic).toBeCloseTo(without[e]?.[t]?.extrinsic ?? Number.NaN, 9);
              if (sample === null) continue;
              expect(feasibility).toBe(1);
              if (options.reward === "sample" && isUnasked(sample)) expect([extrinsic, hardness]).toEqual([0, 0]);
            }
          }
        },
      ),
    );
  });

  it("per sample has the mean hardness .3 where nothing is capped", () => {
    const scores = [0.9, 0.8, 0.55, 0.7].map((probability) => ({ probability, rubric: 1, margin: 20, movedTerms: [] }));
    const given = rewards(
      withSamples([
        [true, true],
        [false, true, true],
      ]),
      scores,
      sampleMode,
    ).flat();
    const hardness = given.flatMap((step) => (step.hardness === null ? [] : [step.hardness]));
    expect(hardness.reduce((sum, h) => sum + h, 0) / 4).toBeCloseTo(0.3, 12);
  });

  it("per episode pays the paper's J2 = (6 - S)^2 on the last transition alone", () => {
    // Rubrics 1 and 1/3: S = 1 + 4 · 2/3, J2 = (6 - 11/3)^2 = 49/9.
    const scores = [1, 1 / 3].map((value) => ({ probability: 0.5, rubric: value, margin: 20, movedTerms: [] }));
    const [steps = []] = rewards(withSamples([[true, false, true, false]]), scores, episodeMode);
    expect(steps.slice(0, 3).map((step) => step.extrinsic)).toEqual([0, 0, 0]);
    expect(steps[3]?.extrinsic).toBeCloseTo(490 / 9, 10);
  });

  it("per episode pays nothing for an episode without a sample", () => {
    expect(rewards([[{ sample: null }]], [], episodeMode)[0]?.[0]?.extrinsic).toBe(0);
  });

  it("per sample pays by its signal, and nothing near a boundary if so configured", () => {
    const steps = withSamples([[true, true, true]]);
    const scores = [0.05, 0.5, 0.95].map((probability) => ({ probability, rubric: 1, margin: 20, movedTerms: [] }));
    const paid = (options: Partial<RewardOptions>, samples: readonly ScoredSample[] = scores): number[] =>
      rewards(steps, samples, { ...sampleMode, ...options })
        .flat()
        .map(({ hardness }) => hardness ?? Number.NaN);
    const [hard = 0, half = 0, easy = 0] = paid({ signal: "learnability" });
    expect(half).toBeGreaterThan(hard);
    expect(hard).toBeCloseTo(easy, 12);
    const [wrong = 0, undecided = 0] = paid({ signal: "difficulty" });
    expect(wrong).toBeGreaterThan(undecided);
    const near = scores.map((own, i) => ({ ...own, margin: i === 1 ? 3 : 20 }));
    const [first = 0, second = 0, third = 0] = paid({ signal: "learnability", paidMargin: 5 }, near);
    expect(second).toBe(0);
    expect((first + third) / 2).toBeCloseTo(sampleMode.hardnessMean, 12);
  });

  it("pays progress by the gain from fine-tuning, and nothing for a loss", () => {
    const steps = withSamples([[true, true]]);
    const scores = [
      { probability: 0.2, probabilityAfter: 0.8, rubric: 1, margin: 20, movedTerms: [] },
      { probability: 0.6, probabilityAfter: 0.5, rubric: 1, margin: 20, movedTerms: [] },
    ];
    const [better, worse] = rewards(steps, scores, { ...sampleMode, signal: "progress" }).flat();
    expect(better?.hardness).toBeGreaterThan(0);
    expect(worse?.hardness).toBe(0);
  });

  it("per sample pays rare relations more if so configured, each term the same in sum", () => {
    const terms = [["left"], ["left"], ["left"], ["above"]];
    const steps = withSamples([[true, true, true, true]]);
    const scores = terms.map((movedTerms) => ({ probability: 0.5, rubric: 1, margin: 20, movedTerms }));
    const paid = (rareTerms: number): number[] =>
      rewards(steps, scores, { ...sampleMode, rareTerms })
        .flat()
        .map(({ hardness }) => hardness ?? Number.NaN);
    const [left = 0, , , above = 0] = paid(1);
    expect(above).toBeCloseTo(3 * left, 12);
    expect(new Set(paid(0)).size).toBe(1);
    expect(rarityWeights(terms, 0.5)[3]).toBeCloseTo(Math.sqrt(2), 12);
    expect(rarityWeights([["left", "above"], ["left"], []], 1)).toEqual([(0.75 + 1.5) / 2, 0.75, 1]);
  });

  it("pays a constant signal whatever the model answers, and by the balance of terms alone if so configured", () => {
    const steps = withSamples([[true, true, true, true]]);
    const scores = ["left", "left", "above", "left"].map((term, i) => ({
      probability: i === 3 ? null : 0.1 + 0.4 * i,
      rubric: 1,
      margin: 20,
      movedTerms: i === 3 ? [] : [term],
    }));
    const paid = (rareTerms: number): number[] =>
      rewards(steps, scores, { ...sampleMode, signal: "constant", rareTerms })
        .flat()
        .map(({ hardness }) => hardness ?? Number.NaN);
    const usual = sampleMode.hardnessMean;
    // What was not asked about pays nothing.
    paid(0).forEach((h, i) => {
      expect(h).toBeCloseTo(i === 3 ? 0 : usual, 12);
    });
    const weights = [0.75, 0.75, 1.5, 0];
    paid(1).forEach((h, i) => {
      expect(h).toBeCloseTo(at(weights, i) * usual, 12);
    });
  });

  it("scores from 1 to 5, and takes hardness from 1 for all wrong to 0 for all right", () => {
    expect([scoreOf(0), scoreOf(1)]).toEqual([1, 5]);
    expect([hardnessOf(1), hardnessOf(5)]).toEqual([1, 0]);
  });
});

describe("a signal", () => {
  const ofAnswers = SIGNAL_NAMES.filter((name) => !looksBack(name) && name !== "constant");
  it.each(ofAnswers)("%s maps onto 0 to 1, and reaches both", (name) => {
    const values = Array.from({ length: 1001 }, (_, i) => SIGNALS[name](i / 1000, i / 1000));
    expect(Math.max(...values)).toBeCloseTo(1, 5);
    expect(Math.min(...values)).toBeCloseTo(0, 12);
    // A sample that the model always gets right pays nothing.
    expect(values.at(-1)).toBe(0);
  });

  it.each([
    ["learnability", 1 / 2],
    ["root-learnability", 1 / 3],
    ["hard-learnability", 1 / 3],
    ["difficulty", 0],
  ] as const)("%s is highest at p = %d", (name, peak) => {
    const values = Array.from({ length: 1201 }, (_, i) => SIGNALS[name](i / 1200, i / 1200));
    expect(values.indexOf(Math.max(...values)) / 1200).toBeCloseTo(peak, 2);
  });
});
