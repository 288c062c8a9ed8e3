/**
 * @file A tokenizer.json of Gemma's kind (BPE over the whole text, a space is "▁", bytes for unknown characters). Its
 * merges give each word of a list one token, with and without a space before it.
 */
import { mergesFor } from "../merges.js";

export const SPECIALS = { pad: "<pad>", end: "<eos>", start: "<bos>", unknown: "<unk>", mask: "<mask>" } as const;
export const IMAGE = "<image>";
const SPACE = "▁";

/** PaliGemma gives a position in 1024 steps; this model uses 32 wider ones, named by their middles. */
const STEPS = 1024;
export const LOCATIONS = 32;

/** The location token of a share of the picture, clamped to 0 … 1. */
export function location(share: number): string {
  const step = Math.min(LOCATIONS - 1, Math.max(0, Math.floor(share * LOCATIONS)));
  return `<loc${String((step + 0.5) * (STEPS / LOCATIONS)).padStart(4, "0")}>`;
}

const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
/** Printable ASCII without the space, and the newline that follows a prompt. */
const CHARACTERS = ["\n", ...Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i)), SPACE];

export interface TokenizerFiles {
  readonly tokenizer: object;
  readonly config: object;
  /** Rows of the embedding. */
  readonly vocabulary: number;
  readonly image: number;
  readonly start: number;
  readonly end: number;
  readonly pad: number;
}

/** The files' contents for words of printable ASCII. */
export function tokenizerFiles(words: readonly string[]): TokenizerFiles {
  const merges = mergesFor([...words.map((word) => [...word]), ...words.map((word) => [SPACE, ...word])]);
  const specials = Object.values(SPECIALS);
  const pieces = [...new Set([...specials, ...BYTES, ...CHARACTERS, ...merges.map(([a, b]) => a + b)])];
  const places = Array.from({ length: LOCATIONS }, (_, i) => location(i / LOCATIONS));
  const [image, start, end, pad] = [pieces.length + places.length, 2, 1, 0];
  const added = (id: number, content: string, special: boolean): object => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special,
  });
  const first = { SpecialToken: { id: SPECIALS.start, type_id: 0 } };
  const second = { SpecialToken: { id: SPECIALS.start, type_id: 1 } };
  const sequence = (id: "A" | "B"): object => ({ Sequence: { id, type_id: id === "A" ? 0 : 1 } });
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [
      ...specials.map((content, id) => added(id, content, true)),
      ...places.map((content, i) => added(pieces.length + i, content, false)),
      added(image, IMAGE, true),
    ],
    normalizer: { type: "Replace", pattern: { String: " " }, content: SPACE },
    pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false },
    post_processor: {
      type: "TemplateProcessing",
      single: [first, sequence("A")],
      pair: [first, sequence("A"), second, sequence("B")],
      special_tokens: { [SPECIALS.start]: { id: SPECIALS.start, ids: [start], tokens: [SPECIALS.start] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: SPACE }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: SPECIALS.unknown,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges,
    },
  };
  const config = {
    add_bos_token: true,
    add_eos_token: false,
    additional_special_tokens: [IMAGE],
    bos_token: SPECIALS.start,
    clean_up_tokenization_spaces: false,
    eos_token: SPECIALS.end,
    mask_token: SPECIALS.mask,
    model_max_length: 8192,
    pad_token: SPECIALS.pad,
    padding_side: "left",
    processor_class: "PaliGemmaProcessor",
    tokenizer_class: "GemmaTokenizer",
    unk_token: SPECIALS.unknown,
  };
  return { tokenizer, config, vocabulary: image + 1, image, start, end, pad };
}
