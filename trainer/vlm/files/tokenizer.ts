/**
 * @file A directory's tokenizer.json, read like Hugging Face's library does. Only U+FEFF, which is white space to
 * JavaScript, and in SigLIP the joiners of emoji (U+200D) become other tokens.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { at } from "../../at.js";
import { InputError } from "../../errors.js";
import { checkFile, readJson } from "./directory.js";

const id = z.number().int().nonnegative();

/**
 * The tokenizer models that directories use. Their vocabularies are checked here, because the library accepts anything.
 */
const tokenizerSchema = z.looseObject({
  model: z.discriminatedUnion(
    "type",
    [
      z.looseObject({
        type: z.literal("BPE"),
        vocab: z
          .record(z.string(), id)
          .refine((vocab) => Object.keys(vocab).length > 0, "takes a vocabulary that is not empty"),
      }),
      z.looseObject({
        type: z.literal("Unigram"),
        vocab: z.array(z.tuple([z.string(), z.number()])).nonempty("takes a vocabulary that is not empty"),
      }),
    ],
    { error: 'takes "BPE" or "Unigram"' },
  ),
  added_tokens: z.array(z.looseObject({ id, content: z.string() })).default([]),
  normalizer: z.unknown(),
});

/** A special token is given as text, or as an object. */
const specialToken = z.union([z.string(), z.looseObject({ content: z.string() }).transform(({ content }) => content)]);

/** By default, spaces before punctuation stay, as in transformers since 4.45; the library would remove them. */
const configSchema = z.looseObject({
  pad_token: specialToken.nullable().default(null),
  clean_up_tokenization_spaces: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
});

export class TextTokenizer {
  private readonly cache = new Map<string, Int32Array>();

  private constructor(
    private readonly tokenizer: Tokenizer,
    private readonly lowerCases: boolean,
    private readonly paddingToken: string | null,
    private readonly file: string,
    private readonly vocabulary: number,
  ) {}

  /**
   * `vocabulary`: rows of the model's embedding, where there is one.
   * @throws InputError where tokenizer.json is missing or of an unknown kind
   */
  static open(directory: string, vocabulary = Number.POSITIVE_INFINITY): TextTokenizer {
    const file = path.join(directory, "tokenizer.json");
    const slow = ["vocab.json", "vocab.txt", "spiece.model", "tokenizer.model"].find((name) =>
      existsSync(path.join(directory, name)),
    );
    checkFile(
      file,
      slow === undefined
        ? "is this a Hugging Face model directory?"
        : `there is a slow tokenizer's ${slow}; save a fast one beside it (transformers: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR))`,
    );
    const json = readJson(file, tokenizerSchema);
    const config = readJson(path.join(directory, "tokenizer_config.json"), configSchema);
    try {
      return new TextTokenizer(
        new Tokenizer(json, config),
        JSON.stringify(json.normalizer ?? null).includes('"Lowercase"'),
        config.pad_token,
        file,
        vocabulary,
      );
    } catch (error) {
      throw new InputError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** @throws InputError where the directory names no padding token, or one that the tokenizer does not have */
  private padding(): number {
    const id = this.paddingToken === null ? undefined : this.tokenizer.token_to_id(this.paddingToken);
    if (id !== undefined) return id;
    throw new InputError(
      `${this.file}: pad_token ${JSON.stringify(this.paddingToken)} of tokenizer_config.json is not in the vocabulary`,
    );
  }

  /** Ids, including the special tokens of the directory's post-processor. */
  encode(text: string): Int32Array {
    let ids = this.cache.get(text);
    if (ids === undefined) {
      ids = this.known(text, this.tokenizer.encode(this.prepared(text)).ids);
      if (this.cache.size >= 100_000) this.cache.clear();
      this.cache.set(text, ids);
    }
    return ids;
  }

  /** Ids of the text alone, without the post-processor's special tokens. */
  encodePlain(text: string): Int32Array {
    return this.known(text, this.tokenizer.encode(this.prepared(text), { add_special_tokens: false }).ids);
  }

  /** Rust lower-cases letter by letter; JavaScript would turn a Σ at the end of a word into ς. */
  private prepared(text: string): string {
    return this.lowerCases ? text.replaceAll("Σ", "σ") : text;
  }

  /** @throws InputError where the model has no embedding for an id */
  private known(text: string, ids: readonly number[]): Int32Array {
    const beyond = ids.find((token) => token >= this.vocabulary);
    if (beyond === undefined) return Int32Array.from(ids);
    throw new InputError(
      `${this.file}: ${JSON.stringify(text.slice(0, 60))} has the token ${beyond}, and the model's vocabulary has ${this.vocabulary}: it is another model's tokenizer`,
    );
  }

  /** The text of ids, without special tokens. */
  decode(ids: readonly number[]): string {
    // The library refuses to decode an empty list, which is the answer of a model that ends at once.
    return ids.length === 0 ? "" : this.tokenizer.decode([...ids], { skip_special_tokens: true }).trim();
  }

  /** The id of a token that config.json mentions; undefined where there is none. */
  idOf(token: string): number | undefined {
    return this.tokenizer.token_to_id(token);
  }

  /** At most `length` ids. Ids are cut before the last one, which is the end token. */
  encodeTruncated(text: string, length: number): Int32Array {
    const ids = this.encode(text);
    if (ids.length <= length) return ids;
    const cut = ids.slice(0, length);
    cut[length - 1] = at(ids, ids.length - 1);
    return cut;
  }

  /** `encodeTruncated`, padded to exactly `length` ids with the directory's padding token. */
  encodePadded(text: string, length: number): Int32Array {
    const ids = new Int32Array(length).fill(this.padding());
    ids.set(this.encodeTruncated(text, length));
    return ids;
  }
}
