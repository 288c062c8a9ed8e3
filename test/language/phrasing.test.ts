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
  it("fills its places once: a name that looks like a place stays a name", () => {
    expect(fill("{a} by {b}, {a}", { a: "{b}", b: "$& vase" })).toBe("{b} by $& vase, {b}");
    expect(fill("{c} and {a}", { a: "x" })).toBe("{c} and x");
  });

  it("tells its places, those too that are none", () => {
    expect(placesIn("where is the {a} from { b }, {A}{}?")).toEqual(["a", " b ", "A", ""]);
    expect(placesIn("} no place {")).toEqual([]);
  });
});

describe("a pair", () => {
  it("is put to a model that ranks as captions without a prompt", () => {
    for (const code of CODES) {
      expect(askedPair(CAPTIONS, "vase", "plate", code)).toEqual(captionAndFlips("vase", "plate", code));
    }
  });

  it("is put to one that answers as a prompt with the relation and its flips for answers, which the parser reads back", () => {
    for (const code of CODES) {
      const { prompt, right, wrong } = askedPair(ANSWERING, "vase", "plate", code);
      expect(prompt).toBe("answer en where is the vase relative to the plate?");
      expect([right, ...wrong]).toEqual([code, ...flips(code)].map((said) => relationPhrase(said)));
      for (const [said, meant] of [[right, code] as const, [wrong[0] ?? "", fullFlip(code)] as const]) {
        expect(termF1(parseAnswer(said, "vase", "plate").terms, meant)).toBe(1);
      }
    }
  });

  it("is held against the relations that are asked for", () => {
    expect(askedPair(CAPTIONS, "vase", "plate", 0, [4]).wrong).toEqual(["The vase is to the right of the plate."]);
    expect(askedPair(ANSWERING, "vase", "plate", 0, []).wrong).toEqual([]);
  });
});
