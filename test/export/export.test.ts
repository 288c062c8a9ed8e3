/** @file `rls3 export`: the data sets of real runs, read back here and by the Python examples. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeTestSet } from "../../trainer/evaluation/test-sets.js";
import type { Row } from "../../trainer/export/row.js";
import { readTensorFile } from "../../trainer/files/tensor-file.js";
import { caption, codeOfTerms, flips, type Term } from "../../trainer/language/index.js";
import { loadCatalog, render } from "../../trainer/rooms/index.js";
import { readSamples } from "../../trainer/run-format/readers.js";
import { rls3, root, start, tiny } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";

const parent = temporaryFolder("export");
const catalog = loadCatalog("rooms");
const run = path.join(parent, "run");
const at = (...parts: readonly string[]): string => path.join(parent, ...parts);

/** The rows and the pictures' bytes. Ids are also names, so a written row has its picture's path. */
type WrittenRow = Row & { readonly image: string };
const lines = (file: string): string[] => readFileSync(file, "utf8").trimEnd().split("\n");
const rowsIn = (file: string): WrittenRow[] => lines(file).map((line) => JSON.parse(line) as WrittenRow);
const pixelsOf = (file: string): Promise<Buffer> => sharp(file).raw().toBuffer();

/** Every file by name, with a digest. */
const files = (folder: string): [string, string][] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
    .map((file) => [path.relative(folder, file), createHash("sha256").update(readFileSync(file)).digest("hex")]);

async function exported(name: string, ...args: readonly string[]): Promise<string> {
  const out = at(name);
  const { code, err } = await rls3("export", run, "--out", out, "--quiet", ...args);
  expect(code, err).toBe(0);
  return out;
}

beforeAll(async () => {
  const { code, err } = await rls3("train", ...tiny(3), "--agent", "random", "--seed", "5", "--out", run);
  expect(code, err).toBe(0);
  await exported("jsonl");
}, 120_000);

describe("jsonl", () => {
  it("has every valid sample, with the picture that the model saw, to the byte", async () => {
    const out = at("jsonl");
    const rows = rowsIn(path.join(out, "train.jsonl"));
    const shards = await readSamples(run);
    const samples = shards.flatMap(({ iteration, samples }) => samples.map((sample) => ({ iteration, ...sample })));
    expect(samples.length).toBe(90);
    expect(rows.map(({ iteration, episode, step }) => [iteration, episode, step])).toEqual(
      samples.map(({ iteration, episode, step }) => [iteration, episode, step]),
    );
    const size = 64;
    for (const [i, { scene, objects, score, hardness, kept, slot, image }] of samples.entries()) {
      const row = rows[i] as WrittenRow;
      expect(row).toMatchObject({ score, hardness, tuned_on: kept, moved: slot, size, run: "run", seed: 5 });
      const pixels = await pixelsOf(path.join(out, row.image));
      const { image: saw, segmentation } = render(catalog, scene, Int32Array.from(objects.flat()), size);
      expect(pixels.equals(saw)).toBe(true);
      // The picture that the run itself stored.
      if (image !== undefined) expect(pixels.equals(await pixelsOf(path.join(run, "samples", image)))).toBe(true);
      for (const [object, { box }] of row.objects.entries()) {
        const columns = [...segmentation.keys()].filter((pixel) => segmentation[pixel] === object + 1);
        if (columns.length === 0) expect(box).toBeNull();
        else {
          const xs = columns.map((pixel) => pixel % size);
          const ys = columns.map((pixel) => Math.floor(pixel / size));
          expect(box).toEqual([Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1]);
        }
      }
    }
  });

  it("has captions, right and wrong, in the words that the model was asked", async () => {
    const rows = rowsIn(path.join(at("jsonl"), "train.jsonl"));
    const asked = (await readSamples(run)).flatMap(({ samples }) => samples.map(({ captions }) => captions));
    expect(rows.flatMap(({ pairs }) => pairs).length).toBeGreaterThan(100);
    for (const [i, { pairs, objects }] of rows.entries()) {
      expect(pairs.map((pair) => pair.caption)).toEqual(asked[i]?.map(({ right }) => right));
      expect(pairs.map(({ preferred }) => preferred)).toEqual(asked[i]?.map(({ answer, right }) => answer ?? right));
      for (const { first, second, terms, caption: right, wrong_captions, question, answer, boxes, ...pair } of pairs) {
        const code = codeOfTerms(terms as Term[]) ?? -1;
        expect(right).toBe(caption(first, second, code));
        expect(wrong_captions).toEqual(flips(code).map((other) => caption(first, second, other)));
        expect([question, answer]).toEqual([`Where is the ${first} relative to the ${second}?`, right]);
        expect(boxes).toEqual(pair.objects.map((slot) => objects[slot]?.box));
        expect([first, second]).toEqual(pair.objects.map((slot) => objects[slot]?.name));
      }
    }
  });

  it("is the same to the byte in a second export", async () => {
    const again = await exported("again");
    expect(files(again)).toEqual(files(at("jsonl")));
    expect(files(again).length).toBeGreaterThan(90);
  });

  it("can have another question, at another size", async () => {
    const words = ["--question", "Is the {a} near the {b}, and where?", "--answer", "{relation}", "--size", "192"];
    const rows = rowsIn(path.join(await exported("words", ...words), "train.jsonl"));
    const [{ pairs, image, objects, scene, episode, step } = {} as WrittenRow] = rows;
    expect(pairs[0]?.question).toBe(`Is the ${pairs[0]?.first} near the ${pairs[0]?.second}, and where?`);
    expect(pairs[0]?.answer).toBe(pairs[0]?.relation);
    expect((await sharp(at("words", image)).metadata()).width).toBe(192);
    const small = rowsIn(at("jsonl", "train.jsonl")).find((row) => row.episode === episode && row.step === step);
    expect([scene, objects.map(({ name }) => name)]).toEqual([small?.scene, small?.objects.map(({ name }) => name)]);
    const [box, smallBox] = [objects[0]?.box?.[2] ?? 0, small?.objects[0]?.box?.[2] ?? 0];
    expect(Math.abs(box / 3 - smallBox)).toBeLessThanOrEqual(1.5);
  });

  it("fills a template again for each wrong answer, though its own words contain relations", async () => {
    const words = ["--answer", "Above or below, to the left of or to the right of: the {a} is {relation} the {b}."];
    const pairs = rowsIn(path.join(await exported("related", ...words), "train.jsonl")).flatMap((row) => row.pairs);
    for (const { wrong_answers, wrong_captions, relation } of pairs) {
      const stated = wrong_answers.map((text) => text.split(": the ")[1]);
      expect(stated).toEqual(wrong_captions.map((text) => text.replace(/^The /, "")));
      for (const text of stated) expect(text).not.toContain(` is ${relation} the `);
    }
  });

  it("of a model that answers has its prompts, the right answers and its own", async () => {
    const folder = at("answering");
    cpSync(run, folder, { recursive: true });
    for (const name of readdirSync(path.join(folder, "samples")).filter((entry) => entry.endsWith(".jsonl"))) {
      const file = path.join(folder, "samples", name);
      const answering = lines(file).map((line) => {
        const sample = JSON.parse(line) as { captions: { right: string; answer?: string }[] };
        // "The vase is above the plate." as "above", the answer to a question.
        const inWords = (text: string): string => /^The .+? is (.+) the .+\.$/.exec(text)?.[1] ?? "";
        const captions = sample.captions.map(({ right, answer, ...caption }) => ({
          ...caption,
          prompt: `answer en ${right.length}`,
          right: inWords(right),
          said: "on it",
          ...(answer === undefined ? {} : { answer: inWords(answer) }),
        }));
        return JSON.stringify({ ...sample, captions });
      });
      writeFileSync(file, `${answering.join("\n")}\n`);
    }
    const out = at("of-answering");
    const { code, err } = await rls3("export", folder, "--out", out);
    expect(code, err).toBe(0);
    const pairs = rowsIn(path.join(out, "train.jsonl")).flatMap((row) => row.pairs);
    const ranked = rowsIn(at("jsonl", "train.jsonl")).flatMap((row) => row.pairs);
    expect(pairs.map((pair) => pair.caption)).toEqual(ranked.map((pair) => pair.caption));
    for (const pair of pairs) {
      expect([pair.question, pair.said]).toEqual([`answer en ${pair.caption.length}`, "on it"]);
      expect(pair.answer).toBe(pair.relation);
      expect(pair.wrong_answers).toHaveLength(pair.wrong_captions.length);
      for (const [i, wrong] of pair.wrong_answers.entries())
        expect(pair.wrong_captions[i]).toContain(` is ${wrong} the `);
    }
  });

  it("of a run that does not record its pictures' size takes the stored ones' size, or --size", async () => {
    const older = at("older");
    cpSync(run, older, { recursive: true });
    const config = path.join(older, "config.json");
    writeFileSync(config, readFileSync(config, "utf8").replace('  "imageSize": 64,\n', ""));
    expect(readFileSync(config, "utf8")).not.toContain("imageSize");
    expect((await rls3("export", older, "--out", at("of-older"))).code).toBe(0);
    const same = (folder: string) => files(folder).filter(([name]) => name.startsWith("images"));
    expect(same(at("of-older"))).toEqual(same(at("jsonl")));
    for (const name of readdirSync(path.join(older, "samples"))) {
      if (!name.endsWith(".jsonl")) rmSync(path.join(older, "samples", name), { recursive: true });
    }
    const unknown = await rls3("export", older, "--out", at("unknown"));
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("give --size")]);
    expect((await rls3("export", older, "--out", at("told"), "--size", "64")).code).toBe(0);
    expect(same(at("told"))).toEqual(same(at("jsonl")));
  });

  it("has only the hardest samples on request", async () => {
    const rows = rowsIn(path.join(await exported("hardest", "--hardest", "7"), "train.jsonl"));
    const all = rowsIn(at("jsonl", "train.jsonl"));
    const hardness = all.map((row) => row.hardness ?? 0).sort((a, b) => b - a);
    expect(rows).toHaveLength(7);
    expect(rows.map((row) => row.hardness ?? 0).sort((a, b) => b - a)).toEqual(hardness.slice(0, 7));
  });
});

describe("splits", () => {
  it("by iteration share nothing: no sample, no layout", async () => {
    const out = await exported("iterations", "--validation-iterations", "3");
    const [train, validation] = ["train", "validation"].map((split) => rowsIn(path.join(out, `${split}.jsonl`)));
    expect(new Set(train?.map(({ iteration }) => iteration))).toEqual(new Set([1, 2]));
    expect(new Set(validation?.map(({ iteration }) => iteration))).toEqual(new Set([3]));
    expect((train?.length ?? 0) + (validation?.length ?? 0)).toBe(90);
    // Objects that the agent did not move are where the layout put them: two pictures of one layout share two objects.
    const still = (row: WrittenRow): string[] =>
      row.objects.flatMap(({ name, position }, slot) =>
        slot === row.moved ? [] : [`${row.scene} ${name} ${position.join()}`],
      );
    const seen = new Set(train?.flatMap(still));
    expect(validation?.filter((row) => still(row).some((object) => seen.has(object)))).toEqual([]);
  });

  it("test is the test set of the run, with its questions and boxes", async () => {
    const out = await exported("test", "--split", "test");
    const rows = rowsIn(path.join(out, "test.jsonl"));
    const set = decodeTestSet(readTensorFile(path.join(run, "shared", "test.safetensors")).tensors);
    expect(rows.length).toBe(set.images.length);
    expect(existsSync(path.join(out, "train.jsonl"))).toBe(false);
    for (const [i, row] of rows.entries()) {
      expect((await pixelsOf(path.join(out, row.image))).equals(set.images[i] ?? new Uint8Array())).toBe(true);
      expect(row.pairs.map(({ first, second, terms }) => [first, second, codeOfTerms(terms as Term[])])).toEqual(
        set.questions[i]?.map(({ first, second, code }) => [
          catalog.objects[first]?.name,
          catalog.objects[second]?.name,
          code,
        ]),
      );
      expect(row.pairs[0]?.boxes).toHaveLength(2);
    }
  });

  it.each([
    [["--validation-iterations", "9"], /there is no iteration 9, but 1, 2, 3/],
    [["--validation-iterations", "1,2,3"], /nothing is left to train on/],
    [["--validation-seeds", "4"], /there is no seed 4, but 5/],
    [["--split", "validation"], /needs --validation-iterations/],
    [["--split", "all"], /takes some of train, validation, test/],
    [["--size", "600"], /--size: takes a whole number from 32 to 512/],
    [["--hardest", "0"], /--hardest/],
    [["--format", "parquet"], /is one of jsonl, webdataset, llava, hf/],
    [["--answer", "yes"], /\{relation\}/],
    [["--question", "{c}?"], /\{a\}, \{b\}/],
  ] as const)("by %j are refused", async (args, message) => {
    const { code, err } = await rls3("export", run, "--out", at("refused"), ...args);
    expect(code, err).toBe(2);
    expect(err).toMatch(message);
    expect(existsSync(at("refused"))).toBe(false);
  });
});

const python = ["/usr/bin/python3", "python3"].find((candidate) => {
  try {
    execFileSync(candidate, ["-c", "import zlib, tarfile"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

describe.skipIf(python === undefined && process.env["CI"] !== "true")("the Python examples", () => {
  const examples = path.join(root, "trainer/export/examples");
  /** Reads a split with a reader: ids, a digest of each sample's pixels, and its other fields. */
  const read = (format: string, folder: string, split: string): { id: string; pixels: string; rest: unknown }[] => {
    const script = [
      `import hashlib, json, sys; sys.path.insert(0, sys.argv[1]); import read_${format}`,
      `for first, (width, height, pixels), *rest in read_${format}.read(*sys.argv[2:4]):`,
      "  name = first if isinstance(first, str) else first['id']",
      "  digest = hashlib.sha256(pixels).hexdigest()",
      "  print(json.dumps({'id': name, 'pixels': f'{width} {height} {digest}', 'rest': [first, *rest]}))",
    ].join("\n");
    const out = execFileSync(python ?? "python3", ["-B", "-c", script, examples, folder, split], { encoding: "utf8" });
    return out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  };
  const expected = async (): Promise<{ id: string; pixels: string; row: WrittenRow }[]> =>
    Promise.all(
      rowsIn(at("jsonl", "train.jsonl")).map(async (row) => {
        const digest = createHash("sha256")
          .update(await pixelsOf(at("jsonl", row.image)))
          .digest("hex");
        return { id: row.id, pixels: `${row.size} ${row.size} ${digest}`, row };
      }),
    );

  it("read jsonl", async () => {
    const rows = read("jsonl", at("jsonl"), "train");
    expect(rows.map(({ rest }) => rest)).toEqual((await expected()).map(({ row }) => [row]));
    expect(rows.map(({ pixels }) => pixels)).toEqual((await expected()).map(({ pixels }) => pixels));
  });

  it("read webdataset", async () => {
    const rows = read("webdataset", await exported("webdataset", "--format", "webdataset"), "train");
    const asked = (await expected()).filter(({ row }) => row.pairs.length > 0);
    expect(rows.map(({ id, pixels }) => ({ id, pixels }))).toEqual(asked.map(({ id, pixels }) => ({ id, pixels })));
    for (const [i, { rest }] of rows.entries()) {
      const [row, text] = rest as [Row, string];
      const { image: _, ...same } = (asked[i]?.row ?? {}) as WrittenRow;
      expect(row).toEqual(same);
      expect(row.pairs.map((pair) => pair.caption)).toContain(text);
    }
    execFileSync("tar", ["-tf", at("webdataset", "train-000000.tar")]);
  });

  it("read llava", async () => {
    const rows = read("llava", await exported("llava", "--format", "llava"), "train");
    const asked = (await expected()).filter(({ row }) => row.pairs.length > 0);
    expect(rows.map(({ id, pixels }) => ({ id, pixels }))).toEqual(asked.map(({ id, pixels }) => ({ id, pixels })));
    expect(rows.map(({ rest }) => (rest as unknown[])[1])).toEqual(
      asked.map(({ row }) => row.pairs.map(({ question, answer }) => [question, answer])),
    );
    const [sample] = JSON.parse(readFileSync(at("llava", "train.json"), "utf8")) as {
      conversations: { from: string; value: string }[];
    }[];
    expect(sample?.conversations.map(({ from }) => from).slice(0, 2)).toEqual(["human", "gpt"]);
    expect(sample?.conversations.filter(({ value }) => value.startsWith("<image>\n"))).toHaveLength(1);
  });

  it("read hf, whose columns have one type in all splits", async () => {
    const out = await exported(
      "hf",
      "--format",
      "hf",
      "--split",
      "train,validation,test",
      "--validation-iterations",
      "2",
    );
    const typeOf = (value: unknown, text: string): string =>
      typeof value === "number" ? (text.includes(".") ? "float" : "int") : value === null ? "null" : typeof value;
    const columns = ["train", "validation", "test"].map((split) => {
      const rows = lines(path.join(out, split, "metadata.jsonl"));
      const types = new Map<string, Set<string>>();
      for (const line of rows) {
        expect(line).not.toContain("null");
        for (const key of ["score", "hardness", "probability", "margin"]) {
          for (const [, text = ""] of line.matchAll(new RegExp(`"${key}":(-?[\\d.e-]+)`, "g"))) {
            expect(text, line).toMatch(/[.e]/);
          }
        }
        for (const [key, value] of Object.entries(JSON.parse(line) as object)) {
          const whole = !["score", "hardness"].includes(key);
          types.set(key, (types.get(key) ?? new Set()).add(whole ? typeOf(value, String(value)) : "float"));
        }
      }
      return [...types].map(([key, found]) => [key, [...found].sort().join()]);
    });
    expect(columns[1]).toEqual(columns[0]);
    expect(columns[2]).toEqual(columns[0]);
    const seen = new Map((await expected()).map(({ id, pixels }) => [id, pixels]));
    for (const { id, pixels, rest } of read("hf", out, "train")) {
      expect(pixels).toBe(seen.get(id));
      const [{ messages, pairs }] = rest as [{ messages: { role: string; content: string }[]; pairs: Row["pairs"] }];
      expect(messages.map(({ content }) => content)).toEqual(
        pairs.flatMap(({ question, answer }) => [question, answer]),
      );
      expect(messages.map(({ role }) => role)).toEqual(pairs.flatMap(() => ["user", "assistant"]));
    }
  });
});

describe("several runs", () => {
  it("of a comparison are exported together, with a seed's runs in the same split", async () => {
    const comparison = at("comparison");
    const arms = ["--arms", "random", "--seeds", "2,3", "--jobs", "1"];
    const { code, err } = await rls3("compare", ...tiny(1), ...arms, "--out", comparison);
    expect(code, err).toBe(0);
    const out = at("of-comparison");
    const ended = await rls3("export", comparison, "--validation-seeds", "3", "--out", out, "--json");
    expect(ended.code, ended.err).toBe(0);
    expect(JSON.parse(ended.out)).toEqual({
      ...{ out, format: "jsonl", runs: 2, leftOut: 0 },
      samples: { train: 30, validation: 30, test: 0 },
    });
    const of = (split: string) =>
      new Set(rowsIn(path.join(out, `${split}.jsonl`)).map((row) => `${row.run} ${row.seed}`));
    expect(of("train")).toEqual(new Set(["random-2 2"]));
    expect(of("validation")).toEqual(new Set(["random-3 3"]));
    const [id] = rowsIn(path.join(out, "train.jsonl")).map((row) => row.id);
    expect(id).toMatch(/^random-2-i0001-e00\d-s\d{4}$/);
  }, 120_000);

  it("of a sweep have their cells' names, and ids of letters and digits", async () => {
    const sweep = at("sweep");
    const cells = ["eta=0.25-5", "eta=0.5-5", "eta=1-5"];
    for (const cell of cells.slice(0, 2)) cpSync(run, path.join(sweep, "cells", cell), { recursive: true });
    writeFileSync(
      path.join(sweep, "sweep.json"),
      JSON.stringify({ schema: 1, cells: cells.map((name) => ({ name })) }),
    );
    const out = at("of-sweep");
    const { code, err } = await rls3("export", sweep, "--out", out, "--format", "webdataset", "--hardest", "10");
    expect(code, err).toBe(0);
    const listed = execFileSync("tar", ["-tf", path.join(out, "train-000000.tar")], { encoding: "utf8" });
    const names = listed.trimEnd().split("\n");
    expect(names).toHaveLength(30);
    for (const name of names) expect(name).toMatch(/^eta_0_(25|5)-5-i\d{4}-e\d{3}-s\d{4}\.(png|json|txt)$/);
  });

  it("are refused where there are none", async () => {
    for (const [folder, message] of [
      [at("nowhere"), /does not exist/],
      [path.join(run, "metrics.csv"), /is a file/],
      [parent, /contains no run, comparison or sweep/],
    ] as const) {
      const { code, err } = await rls3("export", folder, "--out", at("of-none"));
      expect(code, err).toBe(2);
      expect(err).toMatch(message);
    }
  });
});

describe("pictures of another renderer", () => {
  /** The run as if a server had drawn its pictures. */
  function served(name: string, spoil: (folder: string) => void = () => undefined): string {
    const folder = at(name);
    cpSync(run, folder, { recursive: true });
    const config = path.join(folder, "config.json");
    writeFileSync(config, readFileSync(config, "utf8").replace('"env": "embedded"', '"env": "tcp://127.0.0.1:5005"'));
    spoil(folder);
    return folder;
  }

  it("are exported where the run has stored them all, and refused otherwise", async () => {
    const kept = at("kept");
    const { code, err } = await rls3("train", ...tiny(1), "--agent", "random", "--keep-pictures", "--out", kept);
    expect(code, err).toBe(0);
    expect(readdirSync(path.join(kept, "samples", "0001"))).toHaveLength(30);
    const config = path.join(kept, "config.json");
    writeFileSync(config, readFileSync(config, "utf8").replace('"env": "embedded"', '"env": "tcp://127.0.0.1:5005"'));
    const out = at("of-kept");
    expect((await rls3("export", kept, "--out", out, "--split", "train,test")).code).toBe(0);
    const [row] = rowsIn(path.join(out, "train.jsonl"));
    expect(row?.objects.map(({ box }) => box)).toEqual([null, null, null]);
    expect(readFileSync(path.join(out, row?.image ?? ""))).toEqual(
      readFileSync(path.join(kept, "samples", "0001", `episode${row?.episode}-step${row?.step}.png`)),
    );
    const larger = await rls3("export", kept, "--out", at("larger"), "--size", "96");
    expect([larger.code, larger.err]).toEqual([2, expect.stringContaining("--size 96: the pictures of")]);
    const lost = await rls3("export", served("served"), "--out", at("of-served"));
    expect([lost.code, lost.err]).toEqual([2, expect.stringContaining("train with --keep-pictures")]);
    expect(existsSync(at("of-served"))).toBe(false);
  }, 120_000);

  it("that differ from this one's are detected by the stored ones", async () => {
    const other = at("other");
    cpSync(run, other, { recursive: true });
    const folder = path.join(other, "samples", "0001");
    const [first = "", second = ""] = readdirSync(folder);
    cpSync(path.join(folder, first), path.join(folder, second));
    const { code, err } = await rls3("export", other, "--out", at("of-other"));
    expect(code).toBe(2);
    expect(err).toContain(`${second}: is not the picture that this rls3 draws`);
  });
});

describe("a dataset card", () => {
  it("has the counts, the origin and every column", () => {
    const text = readFileSync(at("iterations", "README.md"), "utf8");
    expect(text).toMatch(/^---\nlanguage: en\n/);
    expect(text).toContain("| train | 60 |");
    expect(text).toContain("| validation | 30 |");
    expect(text).toContain("the iterations 3 and nothing else");
    expect(text).not.toContain(parent);
    const [row] = rowsIn(at("jsonl", "train.jsonl"));
    const names = [row, row?.pairs[0], row?.objects[0]].flatMap((object) => Object.keys(object ?? {}));
    for (const name of names) expect(text).toContain(`\`${name}\``);
  });
});

describe("nothing half-written", () => {
  const pictures = (out: string): number => {
    const folder = path.join(`${out}.unfinished`, "images", "train");
    return existsSync(folder) ? readdirSync(folder).length : 0;
  };
  /** An export stopped by the signal after it has written some pictures. */
  async function ended(out: string, signal: NodeJS.Signals) {
    const running = start("export", run, "--out", out, "--size", "512");
    while (pictures(out) < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    running.child.kill(signal);
    return running.ended;
  }

  it("is left by an interrupted export", async () => {
    const out = at("stopped");
    const { code, err } = await ended(out, "SIGINT");
    expect(code, err).toBe(130);
    expect(err).toContain("interrupted; nothing was written");
    expect(readdirSync(parent).filter((name) => name.startsWith("stopped"))).toEqual([]);
  });

  it("is mistaken for a whole export after a kill; the next one removes it", async () => {
    const out = at("killed");
    const { signal } = await ended(out, "SIGKILL");
    expect(signal).toBe("SIGKILL");
    expect([existsSync(out), pictures(out) > 0]).toEqual([false, true]);
    await exported("killed", "--hardest", "5");
    expect(readdirSync(path.join(out, "images", "train"))).toHaveLength(5);
    expect(existsSync(`${out}.unfinished`)).toBe(false);
  });

  it("has English texts where a plugin gave the words, and refuses a prompt with a place for the picture", async () => {
    const changed = at("with-plugin");
    cpSync(run, changed, { recursive: true });
    const config = path.join(changed, "config.json");
    const rewrite = (file: string, change: (text: string) => string): void =>
      writeFileSync(file, change(readFileSync(file, "utf8")));
    rewrite(config, (text) => text.replace("{", '{ "plugin": { "file": "mine.mjs", "sha256": "0", "name": "mine" },'));
    for (const name of readdirSync(path.join(changed, "samples")).filter((file) => file.endsWith(".jsonl"))) {
      rewrite(path.join(changed, "samples", name), (text) =>
        text.replaceAll(/"right":"[^"]*"/g, '"right":"links davon"'),
      );
    }
    const { code, err } = await rls3("export", changed, "--out", at("from-plugin"));
    expect(code, err).toBe(0);
    expect(readFileSync(path.join(at("from-plugin"), "train.jsonl"), "utf8")).not.toMatch(/"caption":"links davon"/);
    const first = path.join(changed, "samples", "0001.jsonl");
    rewrite(first, (text) => text.replaceAll('"right":', '"prompt":"USER: <image> where?","right":'));
    const refused = await rls3("export", changed, "--out", at("with-image"));
    expect(refused.code).toBe(0);
    rewrite(config, (text) => text.replace('"plugin"', '"plugins"'));
    const unknown = await rls3("export", changed, "--out", at("with-image-2"));
    expect(unknown.code).toBe(2);
    expect(unknown.err).toContain("has a place for the picture (<image>)");
    rmSync(changed, { recursive: true });
  });

  it("is left where a sample is damaged; the message names the line", async () => {
    const damaged = at("damaged");
    cpSync(run, damaged, { recursive: true });
    const file = path.join(damaged, "samples", "0002.jsonl");
    writeFileSync(file, readFileSync(file, "utf8").replace(/"right":"The (\S+)/, '"right":"A $1'));
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace(/is (behind|in front|to the left|to the right|above|below)/, "is near"),
    );
    const { code, err } = await rls3("export", damaged, "--out", at("from-damaged"));
    expect(code).toBe(2);
    expect(err).toMatch(/0002\.jsonl, line 1: says ".* near .*" where the state says/);
    expect(existsSync(at("from-damaged"))).toBe(false);
    expect(existsSync(at("from-damaged.unfinished"))).toBe(false);
    rmSync(damaged, { recursive: true });
  });

  it("is written into a folder that is not empty", async () => {
    const { code, err } = await rls3("export", run, "--out", at("jsonl"));
    expect(code).toBe(2);
    expect(err).toContain("is not empty");
  });
});
