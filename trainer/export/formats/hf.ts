/**
 * @file hf: an imagefolder for Hugging Face datasets. In metadata.jsonl, each column has the same type in every split.
 */
import type { ExportedPair, Row } from "../row.js";
import type { Format } from "./format.js";

/** The object covers no pixel by half, or its box is unknown. */
const NO_BOX = [0, 0, 0, 0];
/** For a picture with an unknown state: an empty list would have no type. */
const NO_OBJECT = { name: "", position: [0, 0, 0], box: NO_BOX };

/** Arrow infers a column's type from its values: a split with only nulls would have another type than the rest. */
function withoutNulls(row: Row): Readonly<Record<string, unknown>> {
  const { id, ...rest } = row;
  return {
    file_name: `${id}.png`,
    id,
    ...rest,
    scene: row.scene ?? "",
    episode: row.episode ?? -1,
    step: row.step ?? -1,
    score: row.score ?? 0,
    hardness: row.hardness ?? 0,
    moved: row.moved ?? -1,
    objects:
      row.objects.length === 0 ? [NO_OBJECT] : row.objects.map((object) => ({ ...object, box: object.box ?? NO_BOX })),
    pairs: row.pairs.map(pairWithoutNulls),
    messages: row.pairs.flatMap(({ question, answer }) => [
      { role: "user", content: question },
      { role: "assistant", content: answer },
    ]),
  };
}

const pairWithoutNulls = (pair: ExportedPair): Readonly<Record<string, unknown>> => ({
  ...pair,
  objects: pair.objects.length === 0 ? [-1, -1] : pair.objects,
  boxes: pair.boxes.length === 0 ? [NO_BOX, NO_BOX] : pair.boxes.map((box) => box ?? NO_BOX),
  preferred: pair.preferred ?? "",
  probability: pair.probability ?? 0,
  said: pair.said ?? "",
  margin: pair.margin ?? 0,
});

/**
 * Writes fractional numbers with a decimal point even where it is .0: otherwise Arrow would infer integers. Quotes
 * inside texts are escaped.
 */
const withFractions = (json: string): string =>
  json.replace(/"(score|hardness|probability|margin)":(-?\d+)(?=[,}])/g, '"$1":$2.0');

export const hf: Format = {
  holdsUnasked: false,
  files: [
    "`SPLIT/ID.png`: the pictures",
    "`SPLIT/metadata.jsonl`: one JSON object per line: `file_name`, the columns below, and `messages` (a question and an answer for each pair, as TRL takes them)",
    'where a column below may be null, it is `0`, `-1` (`episode`, `step`, `moved`) or `""` here, and a box `[0, 0, 0, 0]`: Arrow wants one type for each column',
  ],
  glob: (split) => `${split}/*`,
  open: (folder, split) => {
    const lines = folder.grow(`${split}/metadata.jsonl`);
    return {
      add: (row, png) => {
        folder.put(`${split}/${row.id}.png`, png);
        lines.write(`${withFractions(JSON.stringify(withoutNulls(row)))}\n`);
      },
      end: () => undefined,
    };
  },
};
