/** @file jsonl: one line per sample with everything known about it, and a PNG beside. */
import { type Format, imageName } from "./format.js";

export const jsonl: Format = {
  holdsUnasked: true,
  files: [
    "`SPLIT.jsonl`: one JSON object per line, with the columns below",
    "`images/SPLIT/ID.png`: the pictures; a line's `image` is the path",
  ],
  glob: (split) => `${split}.jsonl`,
  open: (folder, split) => {
    const lines = folder.grow(`${split}.jsonl`);
    return {
      add: (row, png) => {
        const { id, ...rest } = row;
        const image = imageName(row);
        folder.put(image, png);
        lines.write(`${JSON.stringify({ id, image, ...rest })}\n`);
      },
      end: () => undefined,
    };
  },
};
