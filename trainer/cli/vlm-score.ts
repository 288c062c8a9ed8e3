/** @file `rls3 vlm score`: how well each caption fits each image, and a generative model's answers to prompts. */

import type { CommandModule } from "yargs";
import { at, only } from "../at.js";
import { InputError } from "../errors.js";
import { chooseDevice } from "../graph/device.js";
import type { Phrasing } from "../language/index.js";
import { modelDirectory } from "../runs/parts.js";
import { architectureIn } from "../vlm/architectures.js";
import { readPicture } from "../vlm/files/picture-file.js";
import { openModel } from "../vlm/index.js";
import type { CaptionSet, ImageBatch, VisionLanguageModel } from "../vlm/model.js";
import { printJson } from "./outcome.js";
import { parseThreads, plain, THREADS_OPTION } from "./plain.js";

interface Arguments {
  directory: string;
  image: string[];
  caption: string[] | undefined;
  prompt: string[] | undefined;
  adapter: string | undefined;
  device: string;
  threads: number;
  json: boolean;
  quiet: boolean;
}

const repeated = { type: "string", array: true, nargs: 1 } as const;

export const command: CommandModule<object, Arguments> = {
  command: "score <directory>",
  describe: "score captions of images, or prompt a model that answers",
  builder: (yargs) =>
    plain<Arguments>(
      yargs.positional("directory", {
        type: "string",
        demandOption: true,
        describe: 'Hugging Face directory, "bundled" or "bundled-paligemma"',
      }),
      {
        image: { ...repeated, demandOption: true, describe: "picture file; may be repeated" },
        caption: { ...repeated, describe: "text: its logit, and softmax over the captions; may be repeated" },
        prompt: {
          ...repeated,
          describe: "prompt for a model that answers; may be repeated without --caption",
          defaultDescription: "the model's own for captions",
        },
        adapter: { type: "string", describe: "LoRA adapter in PEFT's format" },
        device: { type: "string", default: "auto", describe: "auto, cpu, webgpu, cuda or cuda:N" },
        threads: THREADS_OPTION,
      },
    ),
  handler: score,
};

/** The questions about each image. */
export interface Asked {
  readonly captions: readonly string[];
  /** Prompts for greedy answers. */
  readonly prompts: readonly string[];
}

/** Captions in the form that the model takes, and the prompts that it answers by itself. */
interface Plan {
  readonly scored: CaptionSet | null;
  readonly answered: readonly string[];
}

/** @throws InputError for what a model of this phrasing cannot be asked */
function planOf(directory: string, { prompt, describe }: Phrasing, { captions, prompts }: Asked): Plan {
  const [right, ...wrong] = captions;
  if (prompt === null) {
    if (prompts.length > 0) {
      throw new InputError(`--prompt: ${directory} ranks captions and is asked nothing; give --caption alone`);
    }
    if (right === undefined) throw new InputError(`--caption: ${directory} ranks captions; give at least one`);
    return { scored: { right, wrong }, answered: [] };
  }
  if (right === undefined) return { scored: null, answered: prompts.length === 0 ? [describe ?? prompt] : prompts };
  if (prompts.length > 1) {
    throw new InputError("--prompt: captions are scored as answers to one prompt; give one, or leave --caption out");
  }
  const [asked = describe] = prompts;
  return { scored: { ...(asked === null ? {} : { prompt: asked }), right, wrong }, answered: prompts };
}

function softmax(logits: Float32Array): number[] {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** The results for one image. */
export interface ScoredPicture {
  /** One per caption; absent without captions. */
  readonly logits?: readonly number[];
  readonly probabilities?: readonly number[];
  /** Absent without prompts. */
  readonly answers?: readonly { readonly prompt: string; readonly said: string }[];
}

const logitsOf = (logits: Float32Array): Pick<ScoredPicture, "logits" | "probabilities"> => ({
  logits: Array.from(logits),
  probabilities: softmax(logits),
});

/** Scores the captions of one picture, and lets a generative model answer. */
export async function scorePicture(
  model: Pick<VisionLanguageModel, "score" | "reply" | "phrasing">,
  directory: string,
  picture: ImageBatch,
  asked: Asked,
): Promise<ScoredPicture> {
  const { scored, answered } = planOf(directory, model.phrasing, asked);
  if (scored !== null && answered.length === 0) return logitsOf(only(only(await model.score(picture, [[scored]]))));
  // The spoken answer does not depend on the texts that are scored.
  const sets = scored === null ? answered.map((prompt): CaptionSet => ({ prompt, right: "", wrong: [] })) : [scored];
  const replies = only(await model.reply(picture, [sets]));
  return {
    ...(scored === null ? {} : logitsOf(at(replies, 0).logits)),
    answers: answered.map((prompt, i) => ({ prompt, said: at(replies, i).said ?? "" })),
  };
}

/** Lines to print. */
export function pictureLines(
  captions: readonly string[],
  { logits = [], probabilities = [], answers = [] }: ScoredPicture,
): string[] {
  return [
    ...answers.map(({ prompt, said }) => `  ${prompt}: ${said === "" ? "(nothing)" : said}`),
    ...logits.map((logit, i) => {
      const share = `${(100 * at(probabilities, i)).toFixed(1)} %`;
      return `  ${logit.toFixed(3).padStart(8)} ${share.padStart(8)}  ${at(captions, i)}`;
    }),
  ];
}

async function score(given: Arguments): Promise<void> {
  const {
    directory,
    image,
    caption: captions = [],
    prompt: prompts = [],
    adapter,
    device,
    threads,
    json,
    quiet,
  } = given;
  const asked = { captions, prompts };
  const folder = modelDirectory(directory);
  planOf(directory, architectureIn(folder).phrasing, asked);
  const pictures = await Promise.all(image.map((file) => readPicture(file, `--image ${file}`)));
  const chosen = await chooseDevice(device);
  if (!quiet && (device !== chosen.device || device !== "cpu")) process.stderr.write(`device: ${chosen.reason}\n`);
  const model = await openModel(folder, {
    runtime: { device: chosen.device, threads: parseThreads(threads) },
    ...(adapter === undefined ? {} : { adapter }),
    warn: (line) => process.stderr.write(`warning: ${line}\n`),
  });
  try {
    const rows: (ScoredPicture & { readonly image: string })[] = [];
    for (const [i, picture] of pictures.entries()) {
      rows.push({ image: at(image, i), ...(await scorePicture(model, directory, picture, asked)) });
    }
    if (json) {
      printJson({ directory, captions, images: rows });
      return;
    }
    for (const row of rows) process.stdout.write(`${[row.image, ...pictureLines(captions, row)].join("\n")}\n`);
  } finally {
    await model.close();
  }
}
