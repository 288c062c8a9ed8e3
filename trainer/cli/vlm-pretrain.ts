/**
 * @file `rls3 vlm pretrain`: makes a bundled model, the small CLIP or PaliGemma, from pictures of embedded worlds,
 * without any true relation.
 */
import path from "node:path";
import type { CommandModule } from "yargs";
import { InputError } from "../errors.js";
import { type Catalog, loadCatalog } from "../rooms/index.js";
import { refuseFilled } from "../runs/run-directory.js";
import { type Evaluation, evaluate, gateLines } from "../vlm/pretraining/evaluate.js";
import type { PretrainingProgress } from "../vlm/pretraining/phases.js";
import { type Architecture, RECIPES, type Recipe } from "../vlm/pretraining/recipes.js";
import { labelledImages } from "./labelled-images.js";
import { parseThreads, plain, THREADS_OPTION } from "./plain.js";

interface Arguments {
  out: string;
  architecture: Architecture;
  world: string[];
  seed: number;
  images: number | undefined;
  threads: number;
  floorOnly: boolean;
  check: boolean;
  json: boolean;
  quiet: boolean;
}

/** Different from the seeds of the training images. */
const CHECK_SEED = 1_000_000;
/** The check's pictures for fine-tuning. */
const CHECK_IMAGES = 20_000;

export const command: CommandModule<object, Arguments> = {
  command: "pretrain",
  describe: "make a bundled model (minutes): it learns names and places from pictures, no relation",
  builder: (yargs) =>
    plain<Arguments>(yargs, {
      out: { type: "string", demandOption: true, describe: "folder for the model; new or empty" },
      architecture: {
        choices: Object.keys(RECIPES) as Architecture[],
        default: "clip",
        describe: "clip: ranks captions (bundled); paligemma: answers questions (bundled-paligemma)",
      },
      world: {
        type: "string",
        array: true,
        default: ["rooms"],
        describe: "a catalog that ships or a file; several: one model that knows the objects of all",
      },
      seed: { type: "number", default: 0, describe: "seed of pictures, weights and batches" },
      images: {
        type: "number",
        describe: `pictures per world (default ${RECIPES.clip.pictures.images}; ${RECIPES.clip.pictures.floorOnlyImages} with --floor-only)`,
      },
      threads: THREADS_OPTION,
      "floor-only": {
        type: "boolean",
        default: false,
        describe: "only pictures with all objects on the floor: plants a weakness in the model",
      },
      check: { type: "boolean", default: true, describe: "then fine-tune on relations as a check" },
    }),
  handler: run,
};

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(0)} s`;

function report({ step, steps, losses }: PretrainingProgress, since: number, say: (line: string) => void): void {
  if (step % 50 !== 0 && step !== steps) return;
  const list = Object.entries(losses).map(([name, value]) => `${name} ${value.toFixed(3)}`);
  const left = ((performance.now() - since) / step) * (steps - step);
  say(`step ${step} of ${steps}: ${list.join(", ")}; ${(left / 1000).toFixed(0)} s left`);
}

async function run(args: Arguments): Promise<void> {
  const { seed, floorOnly } = args;
  const threads = parseThreads(args.threads);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new InputError(`--seed is a whole number from 0 on, not ${seed}`);
  const say = (line: string): void => void (args.quiet || process.stderr.write(`${line}\n`));
  const out = path.resolve(args.out);
  refuseFilled(args.out);
  const catalogs = args.world.map(loadCatalog);
  const { size: model, pictures, make }: Recipe = RECIPES[args.architecture];
  const { imageSize: size, patch } = model;
  const { heldOut } = pictures;
  const each = args.images ?? (floorOnly ? pictures.floorOnlyImages : pictures.images);
  if (!Number.isInteger(each) || each <= 2 * heldOut) {
    throw new InputError(`--images is a whole number above ${2 * heldOut}, not ${each}`);
  }
  const count = each * catalogs.length;
  const start = performance.now();
  say(`drawing ${count} pictures`);
  const data = labelledImages(catalogs, { count, size, patch, seed, floorOnly });
  say(`drawn in ${seconds(start)}`);
  const since = performance.now();
  const { explained } = await make(out, data, {
    worlds: catalogs.length,
    seed,
    threads,
    heldOut,
    onProgress: (progress) => report(progress, since, say),
  });
  say(`trained in ${seconds(since)}`);
  const checked = await check(out, catalogs, args);
  for (const line of gateLines(checked)) say(line);
  if (args.json) {
    process.stdout.write(
      `${JSON.stringify({ directory: out, seed, images: count, floorOnly, explained, ...checked })}\n`,
    );
    return;
  }
  const shares = explained.map((share) => share.toFixed(3)).join(", ");
  console.log(`places read from held-out pictures, share of variance explained (right, up, toward): ${shares}`);
  for (const line of describe(checked)) console.log(line);
  console.log(out);
}

function check(directory: string, catalogs: readonly Catalog[], args: Arguments): Promise<Evaluation> {
  const { size: model, checked }: Recipe = RECIPES[args.architecture];
  const { imageSize: size, patch } = model;
  const seed = CHECK_SEED + args.seed;
  const count = (args.check ? CHECK_IMAGES : 0) + checked.heldOut;
  const options = { size, patch, seed };
  const data = labelledImages(catalogs, { ...options, count, floorOnly: false });
  // Test a model that has only seen floors on relations everywhere, but on names only where it can know them.
  const seen = args.floorOnly
    ? labelledImages(catalogs, { ...options, count: checked.heldOut, floorOnly: true })
    : null;
  return evaluate(directory, data, {
    ...(seen === null ? {} : { ofSeenKinds: seen }),
    runtime: { device: "cpu", threads: args.threads },
    seed,
    heldOut: count - checked.heldOut,
    imagePasses: args.check ? checked.imagePasses : [],
  });
}

function describe({ naming, namingOfAll, untrained, trained }: Evaluation): string[] {
  const relations = ({ full, oneTerm }: { full: number; oneTerm: number }): string =>
    `full flip ${full.toFixed(3)}, one term ${oneTerm.toFixed(3)}`;
  const elsewhere = namingOfAll === naming ? "" : ` (on pictures of all kinds ${namingOfAll.toFixed(3)})`;
  return [
    `names, the right one against one that is absent: ${naming.toFixed(3)}${elsewhere}`,
    `relations before fine-tuning, two-way: ${relations(untrained)}`,
    ...trained.map((point) => `after ${point.imagePasses} image passes of LoRA: ${relations(point)}`),
  ];
}
