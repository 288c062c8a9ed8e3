/** @file `rls3 vlm score`: how well each caption fits each image. */

import type { CommandModule } from "yargs";
import { at, only } from "../at.js";
import { chooseDevice } from "../graph/device.js";
import { modelDirectory } from "../runs/parts.js";
import { readPicture } from "../vlm/files/picture-file.js";
import { openModel } from "../vlm/index.js";
import { printJson } from "./outcome.js";
import { parseThreads, plain, THREADS_OPTION } from "./plain.js";

interface Arguments {
  directory: string;
  image: string[];
  caption: string[];
  adapter: string | undefined;
  device: string;
  threads: number;
  json: boolean;
  quiet: boolean;
}

const repeated = { type: "string", array: true, nargs: 1, demandOption: true } as const;

export const command: CommandModule<object, Arguments> = {
  command: "score <directory>",
  describe: "score captions of images: logits, and their softmax over the captions",
  builder: (yargs) =>
    plain<Arguments>(
      yargs.positional("directory", {
        type: "string",
        demandOption: true,
        describe: 'Hugging Face directory, or "bundled"',
      }),
      {
        image: { ...repeated, describe: "picture file; may be repeated" },
        caption: { ...repeated, describe: "text; may be repeated" },
        adapter: { type: "string", describe: "LoRA adapter in PEFT's format" },
        device: { type: "string", default: "auto", describe: "auto, cpu, webgpu, cuda or cuda:N" },
        threads: THREADS_OPTION,
      },
    ),
  handler: score,
};

function softmax(logits: Float32Array): number[] {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

async function score({ directory, image, caption, adapter, device, threads, json, quiet }: Arguments): Promise<void> {
  const pictures = await Promise.all(image.map((file) => readPicture(file, `--image ${file}`)));
  const [right, wrong] = [at(caption, 0), caption.slice(1)];
  const chosen = await chooseDevice(device);
  if (!quiet && (device !== chosen.device || device !== "cpu")) process.stderr.write(`device: ${chosen.reason}\n`);
  const model = await openModel(modelDirectory(directory), {
    runtime: { device: chosen.device, threads: parseThreads(threads) },
    ...(adapter === undefined ? {} : { adapter }),
    warn: (line) => process.stderr.write(`warning: ${line}\n`),
  });
  try {
    const rows: { image: string; logits: number[]; probabilities: number[] }[] = [];
    for (const [i, picture] of pictures.entries()) {
      const logits = only(only(await model.score(picture, [[{ right, wrong }]])));
      rows.push({ image: at(image, i), logits: Array.from(logits), probabilities: softmax(logits) });
    }
    if (json) {
      printJson({ directory, captions: caption, images: rows });
      return;
    }
    for (const row of rows) {
      process.stdout.write(`${row.image}\n`);
      caption.forEach((text, i) => {
        const share = `${(100 * at(row.probabilities, i)).toFixed(1)} %`;
        process.stdout.write(`  ${at(row.logits, i).toFixed(3).padStart(8)} ${share.padStart(8)}  ${text}\n`);
      });
    }
  } finally {
    await model.close();
  }
}
