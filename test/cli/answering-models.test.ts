/** @file Commands with models that answer, as processes: questions, answers, scores and refusals. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { rls3, root } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";

const directory = (name: string): string => path.join(root, "test/golden", name);
const PICTURE = path.join(root, "test/golden/preprocess/noise-33x48.png");
const asked = (name: string, ...rest: string[]): string[] => [
  ...["vlm", "score", directory(name), "--image", PICTURE, "--device", "cpu", "--json"],
  ...rest,
];

async function json(...args: readonly string[]): Promise<unknown> {
  const { code, out, err } = await rls3(...args);
  expect(code, err).toBe(0);
  return JSON.parse(out);
}

describe.each(["paligemma-tiny", "paligemma2-tiny", "llava-tiny"])("%s", (name) => {
  const prompt = "answer en where is the cup relative to the plate?";

  it("says the same to a prompt with and without texts to score, in words that are no special tokens", async () => {
    const said = async (...texts: readonly string[]): Promise<readonly string[]> => {
      const { images } = (await json(...asked(name, "--prompt", prompt, ...texts))) as {
        images: { answers: { said: string }[] }[];
      };
      return images.flatMap(({ answers }) => answers.map((answer) => answer.said));
    };
    const alone = await said();
    expect(alone).toHaveLength(1);
    expect(await said("--caption", "above", "--caption", "to the left of")).toEqual(alone);
    expect(alone[0]).not.toMatch(/<(?:eos|pad|bos|image)>|<\/?s>/);
  });

  it("is evaluated on the synthetic sets, and on a public one by its own question", async () => {
    const sets = ["--test-images-per-relation", "1", "--natural-images", "3", "--json", "--device", "cpu"];
    const synthetic = (await json("eval", "--vlm", directory(name), ...sets)) as { balanced: { oneTerm: number } };
    expect(synthetic.balanced.oneTerm).toBeGreaterThan(0);
    const folder = temporaryFolder("answering");
    const items = [
      { image: "noise-33x48.png", caption: "The cat is on the bed.", label: 1, relation: "on" },
      { image: "noise-33x48.png", caption: "The cat is under the bed.", label: 0, relation: "under" },
    ];
    const file = path.join(folder, "vsr.jsonl");
    writeFileSync(file, items.map((item) => `${JSON.stringify(item)}\n`).join(""));
    const flags = ["--data", file, "--images", path.dirname(PICTURE), "--json", "--device", "cpu"];
    const vsr = (await json("eval", "--vlm", directory(name), ...flags)) as { format: string; items: number };
    expect(vsr).toMatchObject({ format: "vsr", items: 2 });
  }, 60_000);
});

describe("a model that answers", () => {
  it("refuses an answer template without its relation", async () => {
    const { code, err } = await rls3(
      "eval",
      "--vlm",
      directory("paligemma-tiny"),
      "--answer",
      "yes",
      "--device",
      "cpu",
    );
    expect(code).toBe(2);
    expect(err).toContain("{relation}");
  });

  it("is not opened if its tokenizer lacks the tokens in config.json", async () => {
    const copy = path.join(temporaryFolder("tokens"), "model");
    cpSync(directory("paligemma-tiny"), copy, { recursive: true });
    const file = path.join(copy, "config.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"image_token_index": 520', '"image_token_index": 519'));
    const { code, err } = await rls3("vlm", "inspect", copy);
    expect(code).toBe(2);
    expect(err).toContain("image_token_index 519 is <image>, which the tokenizer beside it knows as 520");
  });
});
