import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CODES, caption } from "../../trainer/language/index.js";
import { Random } from "../../trainer/random/random.js";
import { loadCatalog } from "../../trainer/rooms/index.js";
import { readClipConfig } from "../../trainer/vlm/clip/config.js";
import { textTree, treeTensors } from "../../trainer/vlm/contrastive/text-tree.js";
import { TextTokenizer } from "../../trainer/vlm/files/tokenizer.js";
import { tokenizerFiles } from "../../trainer/vlm/pretraining/clip/tokenizer-file.js";
import { filledCaption } from "../../trainer/vlm/pretraining/clip/words.js";
import { temporaryFolder } from "../temporary.js";

const bundled = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../trainer/vlm/bundled");
const names = loadCatalog("rooms").objects.map(({ name }) => name);
/** Also words of few letters, so that pairs of letters repeat within a word. */
const word = fc.oneof(fc.stringMatching(/^[a-z]{1,9}$/), fc.stringMatching(/^[abc]{1,9}$/));

describe("a tokenizer made for words", () => {
  it("gives each of them one token, whatever the words", () => {
    fc.assert(
      fc.property(fc.uniqueArray(word, { minLength: 1, maxLength: 30 }), (words) => {
        const directory = temporaryFolder("words");
        const { tokenizer, config, start, end } = tokenizerFiles(words, 24);
        writeFileSync(path.join(directory, "tokenizer.json"), JSON.stringify(tokenizer));
        writeFileSync(path.join(directory, "tokenizer_config.json"), JSON.stringify(config));
        const made = TextTokenizer.open(directory);
        const seen = words.map((own) => made.encode(own));
        for (const ids of seen) expect([ids.length, ids[0], ids[2]]).toEqual([3, start, end]);
        expect(new Set(seen.map((ids) => ids[1])).size).toBe(words.length);
      }),
      { numRuns: 40, examples: [[["cacaa"]]] },
    );
  });
});

describe("the bundled model's tokenizer", () => {
  const tokenizer = TextTokenizer.open(bundled);

  it("has the same ids with and without special tokens, for a Σ at the end of a word too", () => {
    for (const text of ["the vase", "ΟΔΟΣ", "ΣΣ a"]) {
      expect([...tokenizer.encodePlain(text)]).toEqual([...tokenizer.encode(text)].slice(1, -1));
    }
  });
  const { text } = readClipConfig(bundled);

  it("gives every word of every caption one token, within the model's positions", () => {
    for (const a of names) {
      for (const b of names) {
        if (a === b) continue;
        for (const code of CODES) {
          const own = caption(a, b, code);
          const words = own.replaceAll(/([.,])/g, " $1").split(" ").length;
          expect(tokenizer.encode(own)).toHaveLength(words + 2);
          expect(words + 2).toBeLessThanOrEqual(text.positions);
        }
      }
    }
  });

  it("cuts what is too long before the end token", () => {
    const ids = tokenizer.encodeTruncated("vase ".repeat(60), text.positions);
    expect(ids).toHaveLength(text.positions);
    expect(ids.at(-1)).toBe(text.pooling);
  });
});

describe("pre-training captions", () => {
  it("contain their names in order, no relation word, and at most the given number of words", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.integer({ min: 9, max: 22 }), (seed, most) => {
        const own = filledCaption(new Random(seed), ["purple bowl", "vase"], most);
        expect(own.split(" ").length).toBeLessThanOrEqual(most);
        expect(own).toMatch(/the purple bowl .*\band .*the vase|the purple bowl and the vase/);
        expect(own).not.toMatch(/\b(left|right|behind|front|above|below)\b/);
      }),
    );
  });
});

describe("the tree of texts", () => {
  const config = readClipConfig(bundled).text;
  const end = config.pooling as number;
  const row = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 6 }).map((ids) => Int32Array.from([...ids, end]));
  const rows = fc.uniqueArray(row, { minLength: 1, maxLength: 12, selector: (ids) => ids.join() });

  it("has a node for each distinct prefix, and paths that spell the texts", () => {
    fc.assert(
      fc.property(rows, (encoded) => {
        const { ids, positions, paths } = textTree(config, encoded);
        const beginnings = new Set(encoded.flatMap((own) => Array.from(own, (_, i) => own.slice(0, i + 1).join())));
        expect(ids).toHaveLength(beginnings.size);
        paths.forEach((path_, text) => {
          expect(Array.from(path_, (node) => ids[node])).toEqual(Array.from(encoded[text] ?? []));
          expect(Array.from(path_, (node) => positions[node])).toEqual(Array.from(path_, (_, i) => i));
        });
      }),
    );
  });

  it("sorts all cells by node, so that differences of cumulative sums are each node's sum", () => {
    fc.assert(
      fc.property(rows, (encoded) => {
        const tree = textTree(config, encoded);
        const size = { texts: encoded.length + 1, tokens: tree.tokens + 1, nodes: tree.ids.length + 2, heads: 1 };
        const tensors = treeTensors(tree, size);
        const data = (name: string): number[] => Array.from(tensors[name]?.data ?? [], Number);
        const order = data("order");
        expect([...order].sort((a, b) => a - b)).toEqual(order.map((_, i) => i));
        const values = order.map((_, cell) => (cell * 37) % 11);
        const running: number[] = [];
        for (const cell of order) running.push((running.at(-1) ?? 0) + (values[cell] ?? 0));
        const upTo = data("last").map((place) => running[place] ?? 0);
        const expected = tree.ids.map((_, node) =>
          tree.paths.reduce((sum, path_, text) => {
            const at = path_.indexOf(node);
            return at < 0 ? sum : sum + (values[text * size.tokens + at] ?? 0);
          }, 0),
        );
        expect(upTo.map((value, node) => value - (upTo[node - 1] ?? 0)).slice(0, expected.length)).toEqual(expected);
        expect(upTo.slice(expected.length)).toEqual([upTo[expected.length - 1], upTo[expected.length - 1]]);
      }),
    );
  });
});
