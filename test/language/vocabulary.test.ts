/** @file Relations in a user's words: said and parsed. */
import { describe, expect, it } from "vitest";
import {
  askedPair,
  CODES,
  codeTerms,
  parseAnswer,
  relationPhrase,
  termF1,
  type Vocabulary,
} from "../../trainer/language/index.js";

const GERMAN: Vocabulary = {
  phrases: {
    right: "rechts von",
    left: "links von",
    behind: "hinter",
    "in front": "vor",
    above: "über",
    below: "unter",
  },
  and: " und ",
  sayings: { right: ["rechts"], left: ["links"] },
  negations: ["nicht"],
};

describe("a vocabulary", () => {
  it("says every relation in its own words, and parses it again", () => {
    for (const code of CODES) {
      const said = relationPhrase(code, GERMAN);
      expect(said).not.toMatch(/\b(?:left|right|behind|front|above|below|and)\b/);
      expect([...parseAnswer(said, "Vase", "Teller", GERMAN).terms].sort()).toEqual([...codeTerms(code)].sort());
    }
  });

  it("replaces English in prompts and answers", () => {
    const { right, wrong } = askedPair(
      { prompt: null, answer: "{a}: {relation} {b}", vocabulary: GERMAN },
      "Vase",
      "Teller",
      0,
    );
    expect(right).toBe("Vase: links von Teller");
    expect(wrong).toEqual(["Vase: rechts von Teller"]);
  });

  it("parses other sayings, only whole words, and nothing negated", () => {
    const terms = (text: string): string[] => [...parseAnswer(text, "vase", "teller", GERMAN).terms];
    expect(terms("Die Vase steht links.")).toEqual(["left"]);
    expect(terms("Die Vase steht nicht links, sondern über dem Teller.")).toEqual(["above"]);
    expect(terms("überall, vorne, linksherum")).toEqual([]);
    expect(termF1(new Set(parseAnswer("to the left", "vase", "teller", GERMAN).terms), 0)).toBe(0);
  });

  it("is English where there is none", () => {
    expect(relationPhrase(CODES[0] ?? 0)).toBe("to the left of");
    expect([...parseAnswer("to the left of the plate", "vase", "plate").terms]).toEqual(["left"]);
  });
});
