/**
 * @file llava: one JSON array per split, in the form of LLaVA's training script, which most others also read; one turn
 * per pair.
 */
import { type Format, imageName } from "./format.js";

export const llava: Format = {
  holdsUnasked: false,
  files: [
    "`SPLIT.json`: a JSON array of `{id, image, conversations}`; a question and an answer for each pair, the first question after `<image>\\n`",
    "`images/SPLIT/ID.png`: the pictures; `image` is the path (give this folder as the image folder)",
  ],
  glob: (split) => `${split}.json`,
  open: (folder, split) => {
    const array = folder.grow(`${split}.json`);
    let first = true;
    return {
      add: (row, png) => {
        const image = imageName(row);
        const conversations = row.pairs.flatMap(({ question, answer }, turn) => [
          { from: "human", value: turn === 0 ? `<image>\n${question}` : question },
          { from: "gpt", value: answer },
        ]);
        folder.put(image, png);
        array.write(`${first ? "[" : ","}\n${JSON.stringify({ id: row.id, image, conversations })}`);
        first = false;
      },
      end: () => array.write(first ? "[]\n" : "\n]\n"),
    };
  },
};
