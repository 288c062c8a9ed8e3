import { expect, it } from "vitest";
import { CAPTIONS } from "../../trainer/language/index.js";
import { typicalWork } from "../../trainer/vlm/typical-work.js";
import { ANSWERING } from "../answering-model.js";

it("typical work has the architecture's form: captions, or prompts and their answers about the same pairs", () => {
  const [captions, answers] = [CAPTIONS, ANSWERING].map((phrasing) => typicalWork(3, phrasing).captions.flat());
  expect(captions).toHaveLength(6);
  expect(answers).toHaveLength(6);
  for (const [i, { prompt, right, wrong }] of (answers ?? []).entries()) {
    const caption = captions?.[i];
    expect(caption).not.toHaveProperty("prompt");
    const [, a, b] = /^answer en where is the (.*) relative to the (.*)\?$/.exec(prompt ?? "") ?? [];
    expect([caption?.right, ...(caption?.wrong ?? [])]).toEqual(
      [right, ...wrong].map((relation) => `The ${a} is ${relation} the ${b}.`),
    );
  }
});
