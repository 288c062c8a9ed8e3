import { expect, test } from "vitest";
import { ask, askAloud, captionSet, stack, termColumns } from "../../trainer/evaluation/questions.js";
import { CAPTIONS, CODES, codeTerms, flips, termFlips } from "../../trainer/language/index.js";
import { ANSWERING, AnsweringModel } from "../answering-model.js";

const SIDE = 2;
const BYTES = SIDE * SIDE * 3;

/** `count` images of 2 × 2 pixels with different bytes, adjacent in one buffer that begins with other data. */
function neighbours(count: number): Uint8Array[] {
  const all = Uint8Array.from({ length: 5 + count * BYTES }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => all.subarray(5 + i * BYTES, 5 + (i + 1) * BYTES));
}

test("adjacent images of one buffer are stacked without a copy", () => {
  const images = neighbours(3);
  const { count, height, width, data } = stack(images);
  expect([count, height, width]).toEqual([3, SIDE, SIDE]);
  expect(data.buffer).toBe(images[0]?.buffer);
  expect(data).toEqual(Uint8Array.from(images.flatMap((image) => [...image])));
});

test("images in another order, or with one left out, are copied into the right order", () => {
  const [a, b, c] = neighbours(3) as [Uint8Array, Uint8Array, Uint8Array];
  for (const images of [
    [b, a, c],
    [a, c],
    [a, b.slice(), c],
  ]) {
    const { count, data } = stack(images);
    expect(count).toBe(images.length);
    expect(data).toEqual(Uint8Array.from(images.flatMap((image) => [...image])));
  }
});

test("no images are an empty batch", () => {
  expect(stack([])).toMatchObject({ count: 0, data: new Uint8Array() });
});

test("a question's captions are those of its own world, objects and relation, however often it is asked", () => {
  const worlds = ["cup", "ball"].map((kind) => ({ name: (object: number) => `${kind} ${object}` }));
  for (let again = 0; again < 2; again++) {
    for (const [first, second] of [
      [0, 1],
      [1, 0],
      [27, 1],
    ] as const) {
      for (const code of CODES) {
        for (const world of worlds) {
          const { right, wrong } = captionSet({ world, phrasing: CAPTIONS }, { first, second, code });
          expect(right).toContain(`The ${world.name(first)} is `);
          expect(right).toContain(` the ${world.name(second)}.`);
          for (const term of codeTerms(code)) expect(right).toContain(term);
          expect(new Set([right, ...wrong]).size).toBe(1 + flips(code).length);
        }
      }
    }
  }
});

test("each term's column is where its flip stands among the wrong captions", () => {
  for (const code of CODES) {
    const columns = termColumns(code);
    expect(columns.map(({ term }) => term)).toEqual(codeTerms(code));
    expect(columns.map(({ column }) => flips(code)[column])).toEqual(termFlips(code));
  }
  expect(() => termColumns(27)).toThrow("no relation has the code 27");
});

test("a question uses the words of the current model, not those of an earlier one", () => {
  const world = { name: (object: number) => `cup ${object}` };
  const question = { first: 0, second: 1, code: 0 };
  const spoken = captionSet({ world, phrasing: CAPTIONS }, question);
  expect(spoken).not.toHaveProperty("prompt");
  const answered = captionSet({ world, phrasing: ANSWERING }, question);
  expect(answered).toEqual({
    prompt: "answer en where is the cup 0 relative to the cup 1?",
    right: "to the left of",
    wrong: ["to the right of"],
  });
  const other = captionSet({ world, phrasing: { ...ANSWERING, answer: "{relation} it" } }, question);
  expect(other.right).toBe("to the left of it");
  expect(captionSet({ world, phrasing: CAPTIONS }, question)).toEqual(spoken);
});

test("probability is the softmax over all candidates, whether or not the model speaks", async () => {
  const likelihoods = new Map([
    ["right", -1],
    ["one", -2],
    ["two", -4],
  ]);
  const model = new AnsweringModel({ likelihood: (text) => likelihoods.get(text) ?? Number.NaN, says: () => "above" });
  const sets = [[{ prompt: "where?", right: "right", wrong: ["one", "two"] }]];
  const probability = 1 / (1 + Math.exp(-1) + Math.exp(-3));
  const [[silent] = []] = await ask(model, neighbours(1), sets);
  expect(silent).toMatchObject({ probability: expect.closeTo(probability, 12), margins: [1, 3] });
  expect(model.spoken).toBe(0);
  const [[aloud] = []] = await askAloud(model, neighbours(1), sets);
  expect(aloud).toEqual({ ...silent, said: "above" });
});
