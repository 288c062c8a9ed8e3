/** @file `rls3 vlm score` of a model that answers by a rule; and what it refuses for a model that ranks. */
import path from "node:path";
import { describe, expect, it } from "vitest";
import { pictureLines, scorePicture } from "../../trainer/cli/vlm-score.js";
import { CAPTIONS } from "../../trainer/language/index.js";
import type { ImageBatch } from "../../trainer/vlm/model.js";
import { ANSWERING, AnsweringModel, type Rule } from "../answering-model.js";
import { rls3, root, TINY_MODEL } from "../runs/runs.js";

const picture: ImageBatch = { count: 1, height: 2, width: 2, data: new Uint8Array(12) };
const rule: Rule = {
  says: ({ prompt }) => (prompt === "quiet" ? "" : `says of ${prompt}`),
  likelihood: (text) => -text.length,
};
const scored = async (captions: readonly string[], prompts: readonly string[], more: Rule = {}) => {
  const model = new AnsweringModel({ ...rule, ...more });
  return { found: await scorePicture(model, "./model", picture, { captions, prompts }), model };
};

describe("a model that answers", () => {
  it("says its answer to each prompt", async () => {
    const { found } = await scored([], ["answer en what?", "quiet"]);
    expect(found).toEqual({
      answers: [
        { prompt: "answer en what?", said: "says of answer en what?" },
        { prompt: "quiet", said: "" },
      ],
    });
    expect(pictureLines([], found)).toEqual(["  answer en what?: says of answer en what?", "  quiet: (nothing)"]);
  });

  it("describes the picture without a prompt", async () => {
    const { found } = await scored([], []);
    expect(found).toEqual({ answers: [{ prompt: "caption en", said: "says of caption en" }] });
  });

  it("scores captions as descriptions, and says nothing", async () => {
    const { found, model } = await scored(["a cup", "cups"], []);
    expect(model.asked).toEqual([{ prompt: "caption en", right: "a cup", wrong: ["cups"] }]);
    expect(model.spoken).toBe(0);
    const [first = 0, second = 0] = found.probabilities ?? [];
    expect(found).toEqual({ logits: [-5, -4], probabilities: [first, second] });
    expect(second / first).toBeCloseTo(Math.E, 6);
  });

  it("scores captions as answers to a prompt, and gives its own answer", async () => {
    const { found, model } = await scored(["left", "right"], ["answer en where?"]);
    expect(model.asked).toEqual([{ prompt: "answer en where?", right: "left", wrong: ["right"] }]);
    expect(found).toMatchObject({
      logits: [-4, -5],
      answers: [{ prompt: "answer en where?", said: "says of answer en where?" }],
    });
    expect(pictureLines(["left", "right"], found)).toEqual([
      "  answer en where?: says of answer en where?",
      "    -4.000   73.1 %  left",
      "    -5.000   26.9 %  right",
    ]);
  });

  it("scores captions without a prompt where it has none for descriptions", async () => {
    const { model } = await scored(["a cup"], [], { phrasing: { ...ANSWERING, describe: null } });
    expect(model.asked).toEqual([{ right: "a cup", wrong: [] }]);
  });

  it("takes one prompt where captions are its answers", async () => {
    await expect(scored(["a"], ["one", "two"])).rejects.toThrow("captions are scored as answers to one prompt");
  });
});

describe("a model that ranks", () => {
  it("scores captions as they are", async () => {
    const { found, model } = await scored(["a cup", "cups"], [], { phrasing: CAPTIONS });
    expect(model.asked).toEqual([{ right: "a cup", wrong: ["cups"] }]);
    expect(Object.keys(found)).toEqual(["logits", "probabilities"]);
  });

  const refused = async (...args: readonly string[]): Promise<string> => {
    // Refused before the picture is looked for, since it does not exist.
    const { code, out, err } = await rls3("vlm", "score", TINY_MODEL, "--image", "nowhere.png", ...args);
    expect([code, out, err.trimEnd().split("\n").length]).toEqual([2, "", 1]);
    return err;
  };

  it("refuses a prompt: exit code 2 and what to do, before anything is opened", async () => {
    for (const args of [
      ["--prompt", "where?"],
      ["--prompt", "where?", "--caption", "a cup"],
    ]) {
      expect(await refused(...args)).toMatch(/--prompt: .* ranks captions and is asked nothing; give --caption alone/);
    }
  });

  it("needs a caption", async () => {
    expect(await refused()).toMatch(/--caption: .* ranks captions; give at least one/);
  });

  it("prints JSON for captions alone", async () => {
    const image = path.join(root, "test/golden/preprocess/noise-33x48.png");
    const words = ["vlm", "score", TINY_MODEL, "--image", image, "--caption", "a", "--device", "cpu", "--json"];
    const { code, out, err } = await rls3(...words);
    expect(code, err).toBe(0);
    expect(JSON.parse(out)).toEqual({
      directory: TINY_MODEL,
      captions: ["a"],
      images: [{ image, logits: [expect.any(Number)], probabilities: [1] }],
    });
  });
});
