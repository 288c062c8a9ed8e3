/** @file Accuracies and probabilities on a test set, from a model with known likelihoods. */
import { expect, test } from "vitest";
import { evaluate, type TestSet } from "../../trainer/evaluation/evaluation.js";
import { CAPTIONS, CODES, codeTerms, TERMS } from "../../trainer/language/index.js";
import { AnsweringModel } from "../answering-model.js";

const world = { name: (object: number) => `object ${object}` };
/** Each relation once, with its own image; the images mean nothing. */
const everyRelation: TestSet = {
  images: CODES.map(() => new Uint8Array(12)),
  questions: CODES.map((code) => [{ first: 0, second: 1, code }]),
};
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

test("a model that prefers a word whatever the picture is detected by the terms, while its mean accuracy looks like chance", async () => {
  const model = new AnsweringModel({ likelihood: (text) => (text.includes("behind") ? 2 : 0) });
  const { terms, termProbability, oneTerm } = await evaluate(model, world, everyRelation);
  expect(terms).toEqual({ right: 0, left: 0, behind: 1, "in front": 0, above: 0, below: 0 });
  expect(oneTerm).toBeCloseTo(1 / 6, 12);
  expect(termProbability.behind).toBeCloseTo(sigmoid(2), 12);
  expect(termProbability["in front"]).toBeCloseTo(sigmoid(-2), 12);
  for (const term of ["right", "left", "above", "below"] as const) expect(termProbability[term]).toBe(0.5);
  expect(Object.keys(termProbability)).toEqual([...TERMS]);
});

test("relations of one, two and three terms are separated, and those that do not occur are absent", async () => {
  const model = new AnsweringModel({
    likelihood: (text) => (["above", "behind", "to the left of"].includes(text) ? 1 : 0),
  });
  const { byTermCount } = await evaluate(model, world, everyRelation);
  // Three of the six beat their opposites by 1, the other three lose by as much.
  expect(byTermCount[1]).toEqual({ accuracy: 0.5, probability: expect.closeTo(0.5, 12) });
  expect(byTermCount[2]).toEqual({ accuracy: 0, probability: 0.5 });
  expect(byTermCount[3]).toEqual({ accuracy: 0, probability: 0.5 });
  const above = CODES.find((code) => codeTerms(code).join() === "above") ?? 0;
  const one = await evaluate(model, world, {
    images: [new Uint8Array(12)],
    questions: [[{ first: 0, second: 1, code: above }]],
  });
  expect(one.byTermCount).toEqual({ 1: { accuracy: 1, probability: expect.closeTo(sigmoid(1), 12) } });
  expect(one.termProbability).toEqual({ above: expect.closeTo(sigmoid(1), 12) });
});

test("a model that answers is evaluated by its likelihoods, without saying anything", async () => {
  const model = new AnsweringModel();
  await evaluate(model, world, everyRelation);
  expect(model.spoken).toBe(0);
  expect(new Set(model.asked.map(({ prompt }) => prompt))).toEqual(
    new Set(["answer en where is the object 0 relative to the object 1?"]),
  );
});

test("the paper's score is of what the model says aloud, each relation counting the same; null where it did not speak or only ranks", async () => {
  const right = new AnsweringModel();
  expect((await evaluate(right, world, everyRelation)).score).toBeNull();
  expect(right.spoken).toBe(0);
  expect((await evaluate(right, world, everyRelation, true)).score).toBe(5);
  const silent = new AnsweringModel({ says: () => "a room" });
  expect((await evaluate(silent, world, everyRelation, true)).score).toBe(1);
  // One right term in a relation of one, two or three: F1 1, 2/3, 1/2. All other answers are wrong.
  const above = new AnsweringModel({ says: () => "above" });
  const f1 = CODES.map((code) => (codeTerms(code).includes("above") ? 2 / (1 + codeTerms(code).length) : 0));
  // A relation that is asked twice counts no more than the others.
  const [image = new Uint8Array(), questions = []] = [everyRelation.images[0], everyRelation.questions[0]];
  const twice = { images: [...everyRelation.images, image], questions: [...everyRelation.questions, questions] };
  for (const set of [everyRelation, twice]) {
    expect((await evaluate(above, world, set, true)).score).toBeCloseTo(
      1 + (4 * f1.reduce((a, b) => a + b)) / CODES.length,
      12,
    );
  }
  const ranking = new AnsweringModel({ phrasing: CAPTIONS });
  expect((await evaluate(ranking, world, everyRelation, true)).score).toBeNull();
});
