/** @file A directory's tokenizer.json, as Hugging Face's library reads it. */
import path from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { InputError } from "../../errors.js";
import { readJson } from "./directory.js";

const tokenizerSchema = z.looseObject({ model: z.looseObject({ type: z.string() }), normalizer: z.unknown() });

const configSchema = z.looseObject({});

export class TextTokenizer {
  private readonly cache = new Map<string, Int32Array>();

  private constructor(
    private readonly tokenizer: Tokenizer,
    private readonly lowerCases: boolean,
  ) {}

  /** @throws InputError when tokenizer.json is missing or of a kind that is not known. */
  static open(directory: string): TextTokenizer {
    const file = path.join(directory, "tokenizer.json");
    const json = readJson(file, tokenizerSchema);
    const config = readJson(path.join(directory, "tokenizer_config.json"), configSchema);
    try {
      return new TextTokenizer(
        new Tokenizer(json, config),
        JSON.stringify(json.normalizer ?? null).includes('"Lowercase"'),
      );
    } catch (error) {
      throw new InputError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Ids with the special tokens that the directory's post-processor adds. */
  encode(text: string): Int32Array {
    let ids = this.cache.get(text);
    if (ids === undefined) {
      // Rust lower-cases letter by letter; JavaScript turns a Σ at a word's end into ς. Done beforehand, both agree.
      const prepared = this.lowerCases ? text.replaceAll("Σ", "σ") : text;
      ids = Int32Array.from(this.tokenizer.encode(prepared).ids);
      if (this.cache.size >= 100_000) this.cache.clear();
      this.cache.set(text, ids);
    }
    return ids;
  }

  /** At most `length` ids: what is cut is cut before the last one, which is the end token. */
  encodeTruncated(text: string, length: number): Int32Array {
    const ids = this.encode(text);
    if (ids.length <= length) return ids;
    const cut = ids.slice(0, length);
    cut[length - 1] = ids[ids.length - 1] ?? 0;
    return cut;
  }
}
