import { describe, expect, it } from "vitest";
import {
  askedPair,
  CAPTIONS,
  CODES,
  captionAndFlips,
  fill,
  flips,
  fullFlip,
  parseAnswer,
  placesIn,
  relationPhrase,
  termF1,
} from "../../trainer/language/index.js";
import { ANSWERING } from "../answering-model.js";

describe("a template", () => {
  it("fills its placeholders once: a name that looks like a placeholder stays a name", () => {
    expect(fill("{a} by {b}, {a}", { a: "{b}", b: "$& vase" })).toBe("{b} by $& vase, {b}");
    expect(fill("{c} and {a}", { a: "x" })).toBe("{c} and x");
  });

  it("lists its placeholders, including unknown ones", () => {
    expect(placesIn("where is the {a} from { b }, {A}{}?")).toEqual(["a", " b ", "A", ""]);
    expect(placesIn("} no place {")).toEqual([]);
  });
});

describe("a pair", () => {
  it("becomes captions without a prompt for a model that ranks", () => {
    for (const code of CODES) {
      expect(askedPair(CAPTIONS, "vase", "plate", code)).toEqual(captionAndFlips("vase", "plate", code));
    }
  });

  it("becomes a prompt, and the relation and its flips as answers, for a model that answers; the parser reads them back", () => {
    for (const code of CODES) {
      const { prompt, right, wrong } = askedPair(ANSWERING, "vase", "plate", code);
      expect(prompt).toBe("answer en where is the vase relative to the plate?");
      expect([right, ...wrong]).toEqual([code, ...flips(code)].map((said) => relationPhrase(said)));
      for (const [said, meant] of [[right, code] as const, [wrong[0] ?? "", fullFlip(code)] as const]) {
        expect(termF1(parseAnswer(said, "vase", "plate").terms, meant)).toBe(1);
      }
    }
  });

  it("is compared with the given relations", () => {
    expect(askedPair(CAPTIONS, "vase", "plate", 0, [4]).wrong).toEqual(["The vase is to the right of the plate."]);
    expect(askedPair(ANSWERING, "vase", "plate", 0, []).wrong).toEqual([]);
  });
});
