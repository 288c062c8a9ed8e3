import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { accuracyOf, evaluatePublic } from "../../trainer/evaluation/public-evaluation.js";
import { findImages, type PublicItem, readPublicSet } from "../../trainer/evaluation/public-sets.js";
import { CAPTIONS } from "../../trainer/language/index.js";
import { silent } from "../../trainer/progress.js";
import { wilson } from "../../trainer/report/statistics.js";
import { AnsweringModel } from "../answering-model.js";
import { rls3, TINY_MODEL } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";

const folder = temporaryFolder("public-sets");
const write = (name: string, text: string): string => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
};
const lines = (...entries: readonly object[]): string => entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");

const VSR = [
  { image: "1.jpg", caption: "The cat is on the bed.", label: 1, relation: "on", subj: "cat", obj: "bed" },
  { image: "1.jpg", caption: "The cat is under the bed.", label: 0, relation: "under", subj: "cat", obj: "bed" },
  { image: "2.jpg", caption: "The cup is left of the bowl.", label: 1, relation: "left of" },
  { image: "2.jpg", caption: "The bowl is on the cup.", label: 0, relation: "on" },
];
const WHATS_UP = [
  {
    image_path: "data/controlled_images/mug_on_table.jpeg",
    caption_options: ["A mug on a table", "A mug under a table", "A mug to the left of a table"],
  },
  {
    image_path: "data/controlled_images/mug_left_of_table.jpeg",
    caption_options: ["A mug to the left of a table", "A mug under a table", "A mug on a table"],
  },
];

describe("a local copy of a public test set", () => {
  let vsr = "";
  let whatsUp = "";
  beforeAll(async () => {
    vsr = write("test.jsonl", lines(...VSR));
    whatsUp = write("controlled.json", JSON.stringify(WHATS_UP));
    mkdirSync(path.join(folder, "controlled_images"));
    const noise = { create: { width: 40, height: 30, channels: 3, background: "#a06040" } } as const;
    const images = ["1.jpg", "2.jpg", ...WHATS_UP.map(({ image_path }) => image_path.replace("data/", ""))];
    for (const image of images) await sharp(noise).jpeg().toFile(path.join(folder, image));
  });

  it("is read in its authors' file format, which is detected", () => {
    const { format, items } = readPublicSet(vsr);
    expect(format).toBe("vsr");
    expect(items[1]).toEqual({
      image: "1.jpg",
      relation: "under",
      captions: ["The cat is under the bed."],
      label: false,
    });
    const other = readPublicSet(whatsUp);
    expect(other.format).toBe("whatsup");
    expect(other.items.map(({ relation }) => relation)).toEqual(["on", "to the left of"]);
    expect(findImages(other, folder)[0]).toBe(path.join(folder, "controlled_images/mug_on_table.jpeg"));
  });

  it("may be a list of image numbers with a true and a false caption, of COCO or of Visual Genome", () => {
    const entries = [
      [5, "A photo of a dog to the left of a cat", "A photo of a dog to the right of a cat"],
      ["37777", "A photo of a bowl on the top", "A photo of a bowl on the bottom"],
    ];
    const images = path.join(folder, "numbered");
    for (const name of ["val2017/000000000005.jpg", "val2017/000000037777.jpg", "vg_images/5.jpg", "37777.jpg"]) {
      mkdirSync(path.dirname(path.join(images, name)), { recursive: true });
      writeFileSync(path.join(images, name), "");
    }
    const found = (name: string): string[] =>
      findImages(readPublicSet(write(name, JSON.stringify(entries))), images).map((file) =>
        path.relative(images, file),
      );
    expect(found("coco_qa_two_obj.json")).toEqual(["val2017/000000000005.jpg", "val2017/000000037777.jpg"]);
    expect(found("vg_qa_one_obj.json")).toEqual(["vg_images/5.jpg", "37777.jpg"]);
    expect(found("renamed.json")).toEqual(["val2017/000000000005.jpg", "val2017/000000037777.jpg"]);
    expect(readPublicSet(path.join(folder, "renamed.json"))).toMatchObject({
      format: "whatsup",
      items: [
        { relation: "left", captions: entries[0]?.slice(1), label: null },
        { relation: "top", label: null },
      ],
    });
  });

  it.each(["vsr", "whatsup"])("is scored by rls3 eval, with an interval for each relation: %s", async (format) => {
    const out = path.join(folder, `out-${format}`);
    const args = [
      "--data",
      format === "vsr" ? vsr : whatsUp,
      "--images",
      folder,
      "--vlm",
      TINY_MODEL,
      "--device",
      "cpu",
    ];
    const { code, out: printed, err } = await rls3("eval", ...args, "--json", "--out", out);
    expect(code, err).toBe(0);
    const document = JSON.parse(printed) as Record<string, unknown>;
    expect(document).toMatchObject({ schema: 1, format, items: format === "vsr" ? 4 : 2 });
    const names = format === "vsr" ? ["left of", "on", "under"] : ["on", "to the left of"];
    expect(Object.keys(document["relations"] as object)).toEqual(names);
    const shown = await rls3("eval", ...args);
    expect(shown.out).toContain("95 % interval");
    expect(Math.max(...shown.out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    const again = await rls3("eval", ...args, "--out", out);
    expect(again.code).toBe(2);
    expect(again.err).toContain("is not empty");
  });

  it("of statements asks a model that answers: yes against no is the score", async () => {
    const judged = /^answer en is it true that The (?:cat is on the bed|cup is left of the bowl)\.$/;
    const model = new AnsweringModel({
      likelihood: (text, prompt = "") => (text === "yes" ? (judged.test(prompt) ? -1 : -3) : -2),
    });
    const { accuracy, ranking } = await evaluatePublic(model, readPublicSet(vsr), folder, silent);
    expect([accuracy, ranking]).toEqual([1, 1]);
    expect(model.asked[1]).toEqual({
      prompt: "answer en is it true that The cat is under the bed.",
      right: "yes",
      wrong: ["no"],
    });
    // The likelihood of "yes" alone decides nothing: here it is higher, but that of "no" is higher still.
    const other = new AnsweringModel({
      likelihood: (text, prompt = "") => (judged.test(prompt) ? (text === "yes" ? -5 : -6) : text === "yes" ? -2 : -1),
    });
    expect(await evaluatePublic(other, readPublicSet(vsr), folder, silent)).toMatchObject({ accuracy: 1, ranking: 1 });
  });

  it("of choices is scored as descriptions of the image by a model that answers, as bare captions by one that ranks", async () => {
    const likelihood = (text: string): number => (text.includes(" on ") ? 0 : text.includes("left") ? -1 : -2);
    const answering = new AnsweringModel({ likelihood });
    const found = await evaluatePublic(answering, readPublicSet(whatsUp), folder, silent);
    expect(found).toMatchObject({
      accuracy: 0.5,
      relations: { on: { accuracy: 1 }, "to the left of": { accuracy: 0 } },
    });
    const [right, ...wrong] = WHATS_UP[0]?.caption_options ?? [];
    expect(answering.asked[0]).toEqual({ prompt: "caption en", right, wrong });
    const ranking = new AnsweringModel({ likelihood, phrasing: CAPTIONS });
    expect(await evaluatePublic(ranking, readPublicSet(whatsUp), folder, silent)).toEqual(found);
    expect(ranking.asked[0]).toEqual({ right, wrong });
    await evaluatePublic(ranking, readPublicSet(vsr), folder, silent);
    expect(ranking.asked.at(-1)).toEqual({ right: VSR.at(-1)?.caption, wrong: [] });
    expect(answering.spoken).toBe(0);
  });

  it.each([
    ["a file that is not there", "nowhere.jsonl", null, /nowhere\.jsonl: there is no such file/],
    ["a folder", ".", null, /is a folder; name VSR's/],
    ["text that is no JSON", "a.jsonl", "cat,bed,1\n", /a\.jsonl, line 1: is not JSON/],
    ["a line without its label", "b.jsonl", lines(VSR[0] ?? {}, { ...VSR[1], label: 2 }), /b\.jsonl, line 2: label/],
    ["an item of one caption", "c.json", '[{"image_path": "a", "caption_options": ["b"]}]', /entry 1: caption_options/],
    [
      "a label in quotes",
      "f.jsonl",
      lines({ ...VSR[0], label: "1" }),
      /line 1: label: takes 0, 1, true or false, not "1"/,
    ],
    [
      "a list of one caption",
      "g.json",
      '[[5, "a"]]',
      /entry 1: the entry: takes a list of at least 3 entries, not \[5,"a"\]/,
    ],
    [
      "a list without a number",
      "h.json",
      '[["x.jpg", "a", "b"]]',
      /entry 1: \[0\]: takes a text of the form .*, not "x\.jpg"/,
    ],
    ["an entry that is none", "i.json", "[5]", /entry 1: the entry: takes a map, not 5/],
    ["nothing", "d.jsonl", "\n", /holds no entry/],
    [
      "images that are not there",
      "e.jsonl",
      lines({ ...VSR[0], image: "9.jpg" }),
      /lacks 1 of 1 images, such as 9\.jpg/,
    ],
  ])("is refused in one line where it is %s", async (_what, name, content, message) => {
    const file = content === null ? path.join(folder, name) : write(name, content);
    const { code, err } = await rls3("eval", "--data", file, "--vlm", TINY_MODEL);
    expect(code).toBe(2);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    expect(err).toMatch(message);
  });
});

describe("accuracies", () => {
  const statement = (image: number, relation: string, label: boolean): PublicItem => {
    return { image: `${image}`, relation, captions: ["a"], label };
  };
  const score = (value: number): Float32Array => Float32Array.of(value);

  it("of statements use a threshold from the other half of the images", () => {
    // Even and odd images have different best thresholds: a threshold chosen on its own half would always be right.
    const items = [
      statement(0, "on", true),
      statement(0, "on", false),
      statement(1, "under", true),
      statement(1, "under", false),
    ];
    const result = accuracyOf({ format: "vsr", items }, [score(4), score(3), score(2), score(1)]);
    expect(result).toMatchObject({ items: 4, accuracy: 0.5, chance: 0.5, ranking: 0.75 });
    expect(result.relations["on"]).toMatchObject({ items: 2, accuracy: 0.5 });
    const same = accuracyOf({ format: "vsr", items }, [score(4), score(1), score(3), score(2)]);
    expect(same).toMatchObject({ accuracy: 1, ranking: 1 });
  });

  it("of choices count the first caption only where it is above all others", () => {
    const items = [0, 1, 2].map((image): PublicItem => {
      return { image: `${image}`, relation: "on", captions: ["a", "b", "c"], label: null };
    });
    const rows = [Float32Array.of(3, 2, 1), Float32Array.of(3, 3, 1), Float32Array.of(1, 2, 0)];
    const result = accuracyOf({ format: "whatsup", items }, rows);
    expect(result).toMatchObject({ items: 3, accuracy: 1 / 3, chance: 1 / 3, ranking: null });
  });

  it("have Wilson's interval", () => {
    // Wilson (1927); numbers of the R package binom: binom.confint(8, 10, methods = "wilson").
    const [low, high] = wilson(8, 10);
    expect(low).toBeCloseTo(0.4901625, 5);
    expect(high).toBeCloseTo(0.9433178, 5);
    expect(wilson(0, 10)[0]).toBe(0);
  });
});
