/** @file `rls3 eval`: its table, and its templates. */
import { describe, expect, it } from "vitest";
import { accuracyTable } from "../../trainer/cli/eval.js";
import { evaluate, type TestSet } from "../../trainer/evaluation/evaluation.js";
import { CODES, codeTerms } from "../../trainer/language/index.js";
import { AnsweringModel } from "../answering-model.js";
import { launch, rls3, tiny } from "../runs/runs.js";

const world = { name: (object: number) => `object ${object}` };
const setOf = (codes: readonly number[]): TestSet => ({
  images: codes.map(() => new Uint8Array(12)),
  questions: codes.map((code) => [{ first: 0, second: 1, code }]),
});

it("an interrupted evaluation ends at once", async () => {
  const running = launch(["eval", "--vlm", "bundled-paligemma", "--device", "cpu", "--test-images-per-relation", "20"]);
  await running.said("test set: 520 images in");
  running.child.kill("SIGINT");
  const { code, out, err } = await running.ended;
  expect(code, err).toBe(130);
  expect(err).toContain("interrupted");
  expect(out).toBe("");
}, 120_000);

describe("the table", () => {
  it("has the probability of each term beside its accuracy, and both by the number of terms, in 80 columns", async () => {
    const model = new AnsweringModel({ likelihood: (text) => (text.includes("behind") ? 2 : 0) });
    const balanced = await evaluate(model, world, setOf(CODES));
    const natural = await evaluate(model, world, setOf(CODES.filter((code) => codeTerms(code).length === 2)));
    const lines = accuracyTable(balanced, natural);
    const cells = (name: string): string[] | undefined =>
      lines
        .find((line) => line.startsWith(name))
        ?.slice(name.length)
        .match(/[\d.]+ %|–/g) ?? undefined;
    expect(cells("  behind")).toEqual(["100.0 %", "88.1 %", "100.0 %", "88.1 %"]);
    expect(cells("  in front")).toEqual(["0.0 %", "11.9 %", "0.0 %", "11.9 %"]);
    expect(cells("  left")).toEqual(["0.0 %", "50.0 %", "0.0 %", "50.0 %"]);
    // Only "behind" beats its opposite among the six terms: one of six is right, and every p is .5 in the mean.
    expect(cells("  relations of 1 term")).toEqual(["16.7 %", "50.0 %", "–", "–"]);
    expect(cells("  relations of 2 terms")?.[1]).toBe("50.0 %");
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it("has dashes for a missing natural mix, and for terms that do not occur", async () => {
    const above = CODES.filter((code) => codeTerms(code).join() === "above");
    const lines = accuracyTable(await evaluate(new AnsweringModel(), world, setOf(above)), null);
    expect(lines.find((line) => line.startsWith("  above"))).toMatch(/ 0\.0 % +50\.0 % +– +–$/);
    expect(lines.find((line) => line.startsWith("  below"))).toMatch(/ – +– +– +–$/);
    expect(lines.filter((line) => line.startsWith("  relations"))).toHaveLength(1);
  });
});

describe("templates", () => {
  const args = ["eval", "--json", ...tiny().slice(0, 4), "--test-images-per-relation", "1", "--natural-images", "2"];

  it("may put captions in other words, and the document has these words", async () => {
    const [own, other] = await Promise.all([rls3(...args), rls3(...args, "--answer", "{a} {relation} {b}")]);
    const [first, second] = [own, other].map(({ code, out, err }) => {
      expect(code, err).toBe(0);
      return JSON.parse(out) as { phrasing: unknown; balanced: { termProbability: object; byTermCount: object } };
    });
    expect(first?.phrasing).toMatchObject({ prompt: null, answer: "The {a} is {relation} the {b}." });
    expect(second?.phrasing).toMatchObject({ prompt: null, answer: "{a} {relation} {b}" });
    expect(second?.balanced.termProbability).not.toEqual(first?.balanced.termProbability);
    expect(Object.keys(first?.balanced.byTermCount ?? {})).toEqual(["1", "2", "3"]);
  });

  it.each([
    [
      "a prompt for a model that ranks",
      ["--prompt", "where is the {a} from the {b}?"],
      /ranks captions and is asked no/,
    ],
    ["a prompt without its objects", ["--prompt", "where?"], /--prompt: must be a text with \{a\}, \{b\} in it/],
    ["an unknown place", ["--answer", "{relation} {c}"], /--answer: must be a text without \{c\}/],
  ])("are refused: %s", async (_what, given, message) => {
    const { code, out, err } = await rls3(...args, ...given);
    expect([code, err.trimEnd().split("\n").length]).toEqual([2, 1]);
    expect(err).toMatch(message);
    expect(`rls3: ${(JSON.parse(out) as { error: { message: string } }).error.message}\n`).toBe(err);
  });
});
