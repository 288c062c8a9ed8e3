/** @file webdataset: tar shards with KEY.png, KEY.json and KEY.txt, in the order of the samples. */
import { at } from "../../at.js";
import type { ExportedPair, Row } from "../row.js";
import { TAR_END, tarEntry } from "../tar.js";
import type { GrowingFile } from "../whole-folder.js";
import type { Format } from "./format.js";

const SAMPLES_PER_SHARD = 1000;

/** The one caption of a picture: about the object that the agent placed, where there is one. */
const mainPair = ({ pairs, moved }: Row): ExportedPair =>
  pairs.find(({ objects }) => moved !== null && objects.includes(moved)) ?? at(pairs, 0);

export const webdataset: Format = {
  holdsUnasked: false,
  files: [
    `\`SPLIT-NNNNNN.tar\`: shards of ${SAMPLES_PER_SHARD} samples, the last one with the rest; of each sample \`ID.png\`, \`ID.json\` (the columns below) and \`ID.txt\` (one right caption)`,
  ],
  glob: (split) => `${split}-*.tar`,
  open: (folder, split) => {
    let shard: GrowingFile | null = null;
    let samples = 0;
    return {
      add: (row, png) => {
        if (samples % SAMPLES_PER_SHARD === 0) {
          shard?.write(TAR_END);
          shard = folder.grow(`${split}-${String(samples / SAMPLES_PER_SHARD).padStart(6, "0")}.tar`);
        }
        samples += 1;
        shard?.write(tarEntry(`${row.id}.png`, png));
        shard?.write(tarEntry(`${row.id}.json`, Buffer.from(JSON.stringify(row))));
        shard?.write(tarEntry(`${row.id}.txt`, Buffer.from(mainPair(row).caption)));
      },
      end: () => shard?.write(TAR_END),
    };
  },
};
