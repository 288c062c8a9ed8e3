import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CODES,
  caption,
  captionAndFlips,
  codeOfTerms,
  codeTerms,
  distractors,
  fullFlip,
  parseAnswer,
  rubricScore,
  type Term,
} from "../../trainer/language/index.js";
import { Random } from "../../trainer/random/random.js";

const code = (...terms: Term[]): number => codeOfTerms(terms) ?? -1;

describe("captions", () => {
  it("say one, two and three terms in the order vertical, depth, lateral", () => {
    expect(caption("vase", "plate", code("above"))).toBe("The vase is above the plate.");
    expect(caption("small pot", "yellow bowl", code("left", "behind", "above"))).toBe(
      "The small pot is above, behind and to the left of the yellow bowl.",
    );
    expect(caption("blender", "plate", code("below", "in front"))).toBe(
      "The blender is below and in front of the plate.",
    );
    expect(() => caption("vase", "plate", 8)).toThrow(/no relation/);
  });

  it("come with wrong captions that are all different from the right one and from each other", () => {
    const random = new Random(1);
    for (const relation of CODES) {
      for (const set of [
        captionAndFlips("vase", "plate", relation),
        distractors("vase", "plate", relation, 8, random),
      ]) {
        expect(new Set([set.right, ...set.wrong]).size).toBe(1 + set.wrong.length);
      }
    }
    expect(() => distractors("vase", "plate", 0, 27, random)).toThrow(/2 to 26/);
  });
});

describe("answers", () => {
  it("that repeat the right caption score 5, its full flip 1, whichever object is named first", () => {
    fc.assert(
      fc.property(fc.constantFrom(...CODES), (relation) => {
        expect(rubricScore(caption("vase", "small pot", relation), "vase", "small pot", relation)).toBe(5);
        expect(rubricScore(caption("small pot", "vase", fullFlip(relation)), "vase", "small pot", relation)).toBe(5);
        expect(rubricScore(caption("vase", "small pot", fullFlip(relation)), "vase", "small pot", relation)).toBe(1);
      }),
    );
  });

  it("are parsed in other words, as bare terms, and with negations", () => {
    const terms = (answer: string): Term[] => [...parseAnswer(answer, "vase", "plate").terms].sort();
    expect(terms("above, left")).toEqual(["above", "left"]);
    expect(terms("It is underneath and on the right-hand side.")).toEqual(["below", "right"]);
    expect(terms("The VASE is on top of the plate")).toEqual(["above"]);
    expect(terms("The plate is behind the vase.")).toEqual(["in front"]);
    expect(terms("It is not above the plate but below it")).toEqual(["below"]);
    expect(terms("I cannot tell.")).toEqual([]);
  });

  it("are parsed where right means directly, where B begins the sentence without being its subject, and after not located", () => {
    const terms = (answer: string): Term[] => [...parseAnswer(answer, "vase", "plate").terms].sort();
    expect(terms("The vase is right in front of the plate.")).toEqual(["in front"]);
    expect(terms("right behind it, right above it")).toEqual(["above", "behind"]);
    expect(terms("It is to the right behind the plate")).toEqual(["behind", "right"]);
    expect(terms("behind and right of the plate")).toEqual(["behind", "right"]);
    expect(terms("To the left of the plate is the vase.")).toEqual(["left"]);
    expect(terms("On the left side of a plate, behind the lamp, is the vase.")).toEqual(["behind", "left"]);
    expect(terms("Behind the plate is the vase.")).toEqual(["behind"]);
    expect(terms("The left plate is above the vase.")).toEqual(["below", "right"]);
    expect(terms("The vase is not located to the left of the plate, it is right of it.")).toEqual(["right"]);
  });

  it("name objects in any script, in the plural, and one inside the other's name", () => {
    const terms = (answer: string, a: string, b: string): Term[] => [...parseAnswer(answer, a, b).terms];
    expect(terms("The étagère is above the vase.", "vase", "étagère")).toEqual(["below"]);
    expect(terms("The e\u0301tage\u0300re is above the vase.", "vase", "étagère")).toEqual(["below"]);
    expect(terms("The plant pot is below the plant.", "plant", "plant pot")).toEqual(["above"]);
    expect(terms("The plant is above the plant pot.", "plant", "plant pot")).toEqual(["above"]);
    expect(terms("The plant pot is below the pot.", "pot", "plant pot")).toEqual(["above"]);
    expect(terms("The plates are above the vase.", "vase", "plate")).toEqual(["below"]);
    expect(terms("The vase (blue) is above the vase.", "vase", "vase (blue)")).toEqual(["below"]);
    expect(terms("The Block is above the block.", "block", "Block")).toEqual(["above"]);
  });

  it("score F1 for partly right ones, 1 for none, and no credit on an axis that they contradict", () => {
    const truth = code("above", "left");
    expect(rubricScore("above", "vase", "plate", truth)).toBeCloseTo(1 + (4 * 2) / 3, 12);
    expect(rubricScore("no idea", "vase", "plate", truth)).toBe(1);
    expect(rubricScore("above, left and right", "vase", "plate", truth)).toBeCloseTo(1 + 4 * (2 / 5), 12);
    expect(codeTerms(truth)).toEqual(["above", "left"]);
  });
});
