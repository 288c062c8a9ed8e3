/** @file The formats by name. To add one, write a file beside this one and add its line here. */
import type { Format } from "./format.js";
import { hf } from "./hf.js";
import { jsonl } from "./jsonl.js";
import { llava } from "./llava.js";
import { webdataset } from "./webdataset.js";

export const FORMATS = { jsonl, webdataset, llava, hf } as const satisfies Readonly<Record<string, Format>>;
export type FormatName = keyof typeof FORMATS;
export const FORMAT_NAMES = Object.keys(FORMATS) as readonly FormatName[];
