/** @file Power and the number of seeds against R 4.2.2's noncentral t and its documented examples; what must hold for any effect. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noncentralTails, pairedPower, powerOf, seedsFor } from "../../trainer/report/power.js";

describe("the noncentral t's tails", () => {
  // t <- qt(.975, v); pt(t, v, ncp = d, lower = FALSE) + pt(-t, v, ncp = d), R 4.2.2; t as in printed tables.
  it.each([
    [1, 12.7062047, 0.5, 0.0560962568],
    [1, 12.7062047, 4, 0.246355587],
    [2, 4.3026527, 2, 0.218307075],
    [4, 2.7764451, 2, 0.335965104],
    [4, 2.7764451, 4, 0.843296439],
    [9, 2.2621572, 4, 0.943717832],
    [38, 2.0243942, 2, 0.495812527],
  ])("with %i degrees beyond %f at noncentrality %f are %f, as in R", (degrees, t, noncentrality, tails) => {
    expect(noncentralTails(t, degrees, noncentrality)).toBeCloseTo(tails, 6);
    expect(noncentralTails(t, degrees, -noncentrality)).toBeCloseTo(tails, 6);
  });

  it("are Student's where nothing is shifted", () => {
    expect(noncentralTails(2.7764451, 4, 0)).toBeCloseTo(0.05, 6);
  });

  it("give the example of R's help page of power.t.test (n = 20, delta = 1, sd = 1): .8689528", () => {
    // Two groups of 20: 38 degrees of freedom, noncentrality √(20/2).
    expect(noncentralTails(2.0243942, 38, Math.sqrt(10))).toBeCloseTo(0.8689528, 6);
  });
});

describe("the power of a paired t-test", () => {
  // power.t.test(n, delta, type = "paired", strict = TRUE)$power, R 4.2.2.
  it.each([
    [2, 3, 0.2607707142],
    [3, 1.5, 0.3163818616],
    [5, 1, 0.4013899174],
    [5, 2, 0.9088848681],
    [10, 0.5, 0.293175607],
    [10, 1, 0.8030968566],
    [34, 0.5, 0.8077775013],
  ])("with %i seeds and an effect of %f is %f, as in R", (seeds, effect, power) => {
    expect(pairedPower(seeds, effect)).toBeCloseTo(power, 6);
  });
});

describe("the seeds for a power of 80 %", () => {
  // power.t.test(power = .8, delta, type = "paired", strict = TRUE)$n, R 4.2.2, rounded up.
  it.each([
    [0.2, 198.150821],
    [0.3, 89.14936433],
    [0.5, 33.3671291],
    [0.8, 14.30277641],
    [1, 9.937850291],
    [1.5, 5.686142469],
    [2, 4.220731128],
    [3, 3.144028061],
    [5, 2.491290033],
  ])("for an effect of %f are %f rounded up, as in R", (effect, seeds) => {
    expect(seedsFor(effect)).toBe(Math.ceil(seeds));
    expect(seedsFor(-effect)).toBe(Math.ceil(seeds));
  });

  it("go on smoothly beyond 200, where the normal distribution takes over", () => {
    const seeds = [0.21, 0.205, 0.2, 0.195, 0.19, 0.1].map((effect) => seedsFor(effect) ?? 0);
    expect(seeds).toEqual([...seeds].sort((a, b) => a - b));
    // (1.96 + .8416)²/.01 = 784.9, and 1.92 for t: Cohen (1988) prints 785 for the normal test.
    expect(seedsFor(0.1)).toBe(787);
  });

  it("are the fewest that suffice, whatever the effect", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.25, max: 20, noNaN: true }), (effect) => {
        const seeds = seedsFor(effect) ?? 0;
        expect(pairedPower(seeds, effect)).toBeGreaterThanOrEqual(0.8);
        if (seeds > 2) expect(pairedPower(seeds - 1, effect)).toBeLessThan(0.8);
      }),
      { numRuns: 25 },
    );
  });

  it("follow from the differences of a comparison, and from nothing else than their mean and spread", () => {
    // Student's sleep data (1908): mean 1.58, standard deviation 1.23.
    const sleep = [1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4];
    const { effect = 0, power = 0, seedsNeeded } = powerOf(sleep) ?? {};
    expect(effect).toBeCloseTo(1.2846, 4);
    expect(power).toBeCloseTo(pairedPower(10, 1.2846), 4);
    expect(seedsNeeded).toBe(7);
    expect(powerOf([0.3])).toBeNull();
    expect(powerOf([0.1, 0.1, 0.1])).toBeNull();
    expect(powerOf([-1, 1])).toEqual({ effect: 0, power: expect.closeTo(0.05, 6), seedsNeeded: null });
    expect(0.1 + 0.2 - 0.3).not.toBe(0);
    expect(powerOf([0.1, 0.2, -0.3])).toEqual({ effect: 0, power: expect.closeTo(0.05, 6), seedsNeeded: null });
  });
});
