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

const CHINESE: Vocabulary = {
  phrases: { right: "右边", left: "左边", behind: "后面", "in front": "前面", above: "上面", below: "下面" },
  and: "和",
  negations: ["不在"],
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

  it("is read where a script has no spaces between words", () => {
    for (const code of CODES) {
      const answer = `花瓶在盘子${relationPhrase(code, CHINESE)}。`;
      const { terms, inverted } = parseAnswer(answer, "花瓶", "盘子", CHINESE);
      expect([[...terms].sort(), inverted]).toEqual([[...codeTerms(code)].sort(), false]);
    }
    expect([...parseAnswer("vase在盘子左边", "vase", "盘子", CHINESE).terms]).toEqual(["left"]);
    expect([...parseAnswer("花瓶不在左边,在后面", "花瓶", "盘子", CHINESE).terms]).toEqual(["behind"]);
    const thai = { ...CHINESE, phrases: { ...CHINESE.phrases, left: "ทางซ้ายของ" } };
    expect([...parseAnswer("แจกันอยู่ทางซ้ายของจาน", "แจกัน", "จาน", thai).terms]).toEqual(["left"]);
    expect(parseAnswer("盘子在花瓶上面", "花瓶", "盘子", CHINESE).inverted).toBe(true);
  });

  it("is compared with answers whatever the apostrophe, case, spacing and Unicode form", () => {
    const french: Vocabulary = {
      phrases: { ...GERMAN.phrases, below: "en bas de l’armoire", left: "À  gauche" },
      negations: ["n’est pas"],
    };
    const terms = (text: string): string[] => [...parseAnswer(text, "vase", "assiette", french).terms];
    expect(terms("La vase est en bas de l'armoire, a\u0300 gauche")).toEqual(["left", "below"]);
    expect(terms("La vase n'est pas en bas de l’armoire.")).toEqual([]);
    expect(parseAnswer("L'assiette de l'étagère", "vase", "assiette de l’étagère", french).inverted).toBe(false);
    expect(parseAnswer("The chef's knife is above the vase", "vase", "chef’s knife").inverted).toBe(true);
  });

  it("is English where there is none", () => {
    expect(relationPhrase(CODES[0] ?? 0)).toBe("to the left of");
    expect([...parseAnswer("to the left of the plate", "vase", "plate").terms]).toEqual(["left"]);
  });
});
