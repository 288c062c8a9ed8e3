/** @file golden/tokenizer: strings and ids of the CLIP tokenizer in the clip-tiny folder beside it. */
import path from "node:path";
import { z } from "zod";
import { readJson } from "../../trainer/vlm/files/directory.js";
import { TextTokenizer } from "../../trainer/vlm/files/tokenizer.js";
import type { GoldenCheck } from "./check.js";

const ids = z.array(z.number().int());
const casesSchema = z.array(
  z.looseObject({ text: z.string(), clip: ids, clip_77: ids, clip_77_length: z.number().int() }),
);

export const check: GoldenCheck = async (directory) => {
  const tokenizer = TextTokenizer.open(path.join(directory, "../clip-tiny"));
  const cases = readJson(path.join(directory, "cases.json"), casesSchema);
  const failures: string[] = [];
  for (const { text, clip, clip_77, clip_77_length } of cases) {
    const whole = Array.from(tokenizer.encode(text));
    const cut = Array.from(tokenizer.encodeTruncated(text, clip_77.length));
    const expected = clip_77.slice(0, clip_77_length);
    if (whole.join() !== clip.join())
      failures.push(`${JSON.stringify(text).slice(0, 60)}: ${whole} instead of ${clip}`);
    else if (cut.join() !== expected.join())
      failures.push(`${JSON.stringify(text).slice(0, 60)}, cut: ${cut} instead of ${expected}`);
  }
  return { compared: cases.length, failures };
};
