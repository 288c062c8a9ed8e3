import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { captionSet, competing, type Question } from "../../trainer/evaluation/questions.js";
import { CAPTIONS, CODES, codeTerms, fullFlip, termFlips } from "../../trainer/language/index.js";
import { Random } from "../../trainer/random/random.js";
import { ANSWERING } from "../answering-model.js";

const wording = { world: { name: (object: number) => `object ${object}` }, phrasing: CAPTIONS };
const question = fc
  .record({ first: fc.nat(5), step: fc.integer({ min: 1, max: 5 }), code: fc.constantFrom(...CODES) })
  .map(({ first, step, code }): Question => ({ first, second: (first + step) % 6, code }));
const batches = fc.array(fc.array(question, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 });
const says = (own: Question, code: number): string => captionSet(wording, { ...own, code }).right;

describe("the competitors of a right caption in fine-tuning", () => {
  it("are by default all captions that it is scored against", () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const sets = batch.map((questions) => questions.map((own) => captionSet(wording, own)));
        expect(competing(wording, batch, "all", new Random(1))).toEqual(sets);
      }),
    );
  });

  it("are one caption with the full flip, or one with a single flipped term", () => {
    fc.assert(
      fc.property(batches, fc.nat(), (batch, seed) => {
        const [full, one] = (["full", "one"] as const).map((negatives) =>
          competing(wording, batch, negatives, new Random(seed)),
        );
        for (const [i, questions] of batch.entries()) {
          for (const [j, own] of questions.entries()) {
            expect(full?.[i]?.[j]).toEqual({ right: says(own, own.code), wrong: [says(own, fullFlip(own.code))] });
            const single = termFlips(own.code).map((code) => says(own, code));
            expect(single).toContain(one?.[i]?.[j]?.wrong[0]);
            expect(one?.[i]?.[j]?.wrong).toHaveLength(1);
          }
        }
      }),
    );
  });

  it("are each of the terms in turn where one of them is drawn", () => {
    const code = CODES.find((own) => codeTerms(own).length === 3) ?? 0;
    const own: Question = { first: 0, second: 1, code };
    const random = new Random(1);
    const drawn = Array.from({ length: 60 }, () => competing(wording, [[own]], "one", random)[0]?.[0]?.wrong[0]);
    expect(new Set(drawn)).toEqual(new Set(termFlips(code).map((flipped) => says(own, flipped))));
  });

  it("are, with none, the captions of the batch's other images, and never its own", () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const right = batch.map((questions) => questions.map((own) => says(own, own.code)));
        for (const [i, sets] of competing(wording, batch, "none", new Random(1)).entries()) {
          const mine = right[i] ?? [];
          const others = right.filter((_, other) => other !== i).flat();
          const expected = [...new Set(others)].filter((text) => !mine.includes(text));
          expect(sets).toEqual(mine.map((own) => ({ right: own, wrong: expected })));
        }
      }),
    );
  });

  it("are, for a model that answers, other answers to the same prompt; with none there are none", () => {
    const answering = { ...wording, phrasing: ANSWERING };
    fc.assert(
      fc.property(batches, fc.constantFrom("all", "full", "one", "none"), fc.nat(), (batch, negatives, seed) => {
        const sets = competing(answering, batch, negatives, new Random(seed));
        const captions = competing(wording, batch, negatives, new Random(seed));
        for (const [i, questions] of batch.entries()) {
          for (const [j, { first, second }] of questions.entries()) {
            const found = sets[i]?.[j];
            expect(found?.prompt).toBe(`answer en where is the object ${first} relative to the object ${second}?`);
            // The same relations in the same order as in captions, without the names.
            const said = (text = ""): string => text.replace(/^The object \d is | the object \d\.$/g, "");
            expect(found?.right).toBe(said(captions[i]?.[j]?.right));
            expect(found?.wrong).toEqual(negatives === "none" ? [] : captions[i]?.[j]?.wrong.map(said));
          }
        }
      }),
    );
  });
});
