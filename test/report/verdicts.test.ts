/** @file The sentences of a verdict: what they say for each outcome, and that they never claim more than the numbers. */
import { describe, expect, it } from "vitest";
import { summarize } from "../../trainer/report/summary.js";
import {
  accuracySentence,
  headline,
  interquartileSentence,
  mainPair,
  namedPairs,
  powerSentence,
  reachSentence,
} from "../../trainer/report/verdicts.js";
import type { SeedRun } from "../../trainer/run-format/summary.js";

/** Runs whose accuracy rises by `rise` with each 100 valid samples; seeds differ by a thousandth. */
const arm = (seeds: number, rise: number, validRate: number): SeedRun[] =>
  Array.from({ length: seeds }, (_, seed) => ({
    seed,
    curve: [0, 1, 2, 3].map((i) => {
      const accuracy = 0.5 + i * rise + (i === 0 ? 0 : (seed * seed * rise) / 100);
      return {
        generated: Math.round((100 * i) / validRate),
        valid: 100 * i,
        accuracy: { full: accuracy, oneTerm: accuracy },
      };
    }),
    validRate,
    feasibilitySteps: 0,
  }));

function compared(arms: Readonly<Record<string, readonly SeedRun[]>>) {
  const summary = summarize({ arms, config: {}, machine: "test", commit: "0", seeds: [] });
  const main = mainPair(summary);
  if (main === null) throw new Error("nothing to compare");
  return { summary, main };
}

describe("the headline", () => {
  it("says better or worse on both axes when they agree", () => {
    expect(headline(compared({ rls3: arm(5, 0.1, 0.9), random: arm(5, 0.05, 0.4) }).main)).toMatch(
      /^RLS3 has higher one-term accuracy than random sampling, per generated and per valid sample \(5 seeds; p\W[<=]\W\.\d+ and p\W[<=]\W\.\d+\)$/,
    );
    expect(headline(compared({ rls3: arm(5, 0.02, 0.4), random: arm(5, 0.05, 0.4) }).main)).toMatch(
      /^RLS3 has lower one-term accuracy than random sampling, per generated and per valid sample \(5 seeds; /,
    );
  });

  it("keeps the axes apart when they do not", () => {
    expect(headline(compared({ paper: arm(5, 0.1, 0.9), random: arm(5, 0.1, 0.4) }).main)).toMatch(
      /^Per generated sample the paper's agent has higher one-term accuracy than random sampling; per valid sample the difference is not significant \(5 seeds; /,
    );
  });

  it("claims nothing from one seed, and warns below five", () => {
    expect(headline(compared({ rls3: arm(1, 0.1, 0.9), random: arm(1, 0.05, 0.4) }).main)).toContain(
      "nothing can be said",
    );
    expect(headline(compared({ rls3: arm(4, 0.1, 0.9), random: arm(4, 0.05, 0.4) }).main)).toContain("only 4 seeds");
    expect(headline(compared({ rls3: arm(5, 0.1, 0.9), random: arm(5, 0.05, 0.4) }).main)).not.toContain("only");
  });

  it("is about the comparison with random where there is one", () => {
    const { summary, main } = compared({ rls3: arm(2, 0.1, 0.9), paper: arm(2, 0.1, 0.8), random: arm(2, 0.1, 0.4) });
    expect(main.key).toBe("rls3-random");
    expect(namedPairs(summary).map(({ key }) => key)).toEqual(["rls3-paper", "rls3-random", "paper-random"]);
  });
});

describe("the sentence on accuracy", () => {
  it("says what is not significant, and gives one seed neither interval nor test", () => {
    const sentence = (seeds: number, rise: number): string => {
      const { main } = compared({ rls3: arm(seeds, rise, 0.9), random: arm(seeds, 0.05, 0.9) });
      const [row] = main.pair.accuracyAt;
      return row === undefined ? "" : accuracySentence(main, row);
    };
    expect(sentence(5, 0.05)).toContain(", not significant; ");
    expect(sentence(5, 0.1)).not.toContain("not significant");
    expect(sentence(1, 0.1)).toMatch(/difference \+15\.0 points; one seed, so nothing is tested\.$/);
    expect(sentence(1, 0.1)).not.toContain("(");
  });
});

describe("the sentence on samples to reach", () => {
  it("gives both shares, or says in how many seeds it was not reached", () => {
    const better = compared({ rls3: arm(3, 0.1, 0.9), random: arm(3, 0.05, 0.45) });
    // random ends at 300 valid with mean(.55, .6, .65) = .6, which RLS3's curve crosses at 100: a third, and half of that generated.
    expect(reachSentence(better.main).replaceAll("\u00a0", " ")).toMatch(
      /^RLS3 reached random sampling's final accuracy with 0\.1[67] × as many generated samples and 0\.33 × as many valid samples\.$/,
    );
    const worse = compared({ rls3: arm(3, 0.03, 0.9), random: arm(3, 0.1, 0.45) });
    expect(reachSentence(worse.main)).toBe("RLS3 did not reach random sampling's final accuracy in 3 of 3 seeds.");
  });

  it("warns when the other arm learned next to nothing", () => {
    const flat = compared({ rls3: arm(3, 0.1, 0.9), random: arm(3, 0.002, 0.45) });
    expect(reachSentence(flat.main)).toContain("hardly rose above its start, so this says little");
  });
});

describe("what is said beside the test", () => {
  it("is how many seeds a difference of this size takes, from two seeds on", () => {
    const { main } = compared({ rls3: arm(5, 0.051, 0.9), random: arm(5, 0.05, 0.9) });
    const [row] = main.pair.accuracyAt;
    const needed = row?.power?.seedsNeeded ?? 0;
    expect(needed).toBeGreaterThan(1);
    expect(row && powerSentence(row)).toMatch(
      new RegExp(`found at p < .05 in 80.% of comparisons with ${needed} seeds; this one has 5\\.$`),
    );
    const alone = compared({ rls3: arm(1, 0.06, 0.9), random: arm(1, 0.05, 0.9) }).main.pair.accuracyAt[0];
    expect(alone && powerSentence(alone)).toBeNull();
    expect(powerSentence({ seeds: 5 })).toBeNull();
  });

  it("are the interquartile means where they differ from means, and Holm's p where several pairs were tested", () => {
    const two = compared({ rls3: arm(4, 0.06, 0.9), random: arm(4, 0.05, 0.9) }).main;
    const [row] = two.pair.accuracyAt;
    expect(row && interquartileSentence(two, row)).toContain("Interquartile means over seeds: RLS3 ");
    expect(row && accuracySentence(two, row)).not.toContain("Holm");
    const three = compared({ rls3: arm(3, 0.06, 0.9), paper: arm(3, 0.04, 0.9), random: arm(3, 0.05, 0.9) }).main;
    const [first] = three.pair.accuracyAt;
    expect(first && interquartileSentence(three, first)).toBeNull();
    expect(first && accuracySentence(three, first)).toContain("after Holm's correction for all pairs p");
  });
});
