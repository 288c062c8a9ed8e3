/**
 * @file A tokenizer.json of CLIP's kind (lower case, byte-level BPE with "</w>" at the end of a word). Its merges give
 * each word of a list one token; any other text takes more tokens, down to single bytes.
 */

import { mergesFor } from "../merges.js";

export const START = "<|startoftext|>";
export const END = "<|endoftext|>";
const WORD_END = "</w>";

/**
 * Byte-level BPE's printable character for each byte: printable Latin-1 characters represent themselves, the others use
 * U+0100 onwards, in order.
 */
function byteCharacters(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

/** The symbols that BPE starts a word with: characters, the last with the end mark. */
const letters = (word: string): string[] =>
  [...word].map((letter, i, all) => (i === all.length - 1 ? letter + WORD_END : letter));

export interface TokenizerFiles {
  readonly tokenizer: object;
  readonly config: object;
  readonly vocabulary: number;
  readonly start: number;
  readonly end: number;
}

/** The files' contents for lower-case words of letters, digits or punctuation. */
export function tokenizerFiles(words: readonly string[], positions: number): TokenizerFiles {
  const merges = mergesFor(words.map(letters));
  const bytes = byteCharacters();
  const tokens = [
    ...new Set([...bytes, ...bytes.map((own) => own + WORD_END), ...merges.map(([a, b]) => a + b)]),
    START,
    END,
  ];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const start = tokens.length - 2;
  const end = tokens.length - 1;
  const special = (id: number, content: string): object => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [special(start, START), special(end, END)],
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFC" },
        { type: "Replace", pattern: { Regex: "\\s+" }, content: " " },
        { type: "Lowercase" },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        {
          type: "Split",
          pattern: {
            Regex:
              "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
          },
          behavior: "Removed",
          invert: true,
        },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      type: "RobertaProcessing",
      sep: [END, end],
      cls: [START, start],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: END,
      continuing_subword_prefix: "",
      end_of_word_suffix: WORD_END,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  };
  const config = {
    tokenizer_class: "CLIPTokenizer",
    bos_token: START,
    eos_token: END,
    pad_token: END,
    unk_token: END,
    do_lower_case: true,
    model_max_length: positions,
  };
  return { tokenizer, config, vocabulary: tokens.length, start, end };
}
