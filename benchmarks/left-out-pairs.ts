/**
 * @file How many pairs of random placements are not asked about, because their bases contradict the vertical term
 * (rules: trainer/language/README.md); and sheets of such pairs to look at. `node dist/benchmarks/left-out-pairs.js
 * --help`.
 */

import path from "node:path";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { at } from "../trainer/at.js";
import { exitCodeOf, outliveReaders, printJson } from "../trainer/cli/outcome.js";
import { openEnvironments } from "../trainer/environments/open-environments.js";
import type { World } from "../trainer/environments/served-world.js";
import { InputError } from "../trainer/errors.js";
import { slotPairs } from "../trainer/evaluation/questions.js";
import { writeDurably } from "../trainer/files/durable-file.js";
import { caption, codeTerms, SAME_HEIGHT } from "../trainer/language/index.js";
import { silent } from "../trainer/progress.js";
import { Random } from "../trainer/random/random.js";
import { count, percent } from "../trainer/report/format.js";
import { playEpisodes, type Sample } from "../trainer/rls3/episodes.js";
import { type Catalog, OBJECT_FIELDS, render, SHIPPED_WORLDS } from "../trainer/rooms/index.js";
import { RandomAgent } from "../trainer/sac/random-agent.js";
import { resolveConfiguration } from "../trainer/settings/configuration.js";
import { sheet } from "./experiments/sheet.js";

/** The smallest size: nothing here looks at the samples' pictures. */
const IMAGE_SIZE = 32;

/** A pair of a sample's objects, in one order, with its caption's terms. */
interface Pair {
  readonly sample: Sample;
  readonly slots: readonly [number, number];
  readonly caption: string;
  readonly vertical: boolean;
  readonly leftOut: boolean;
  /**
   * By how much (mm) the first base is higher, where the vertical term is "above"; the second base, where it is
   * "below".
   */
  readonly lead: number;
  /** Whether it includes the placed object; only such pairs are rewarded. */
  readonly moved: boolean;
}

function pairsOf(world: World, sample: Sample): Pair[] {
  const { scene, objects, slot } = sample;
  const base = (of: number): number => at(objects, of * OBJECT_FIELDS + 2);
  const name = (of: number): string => world.name(at(objects, of * OBJECT_FIELDS));
  return slotPairs(objects.length / OBJECT_FIELDS).map((slots): Pair => {
    const [a, b] = slots;
    const { code, askable } = world.relation(scene, objects, a, b);
    const [term] = codeTerms(code);
    return {
      sample,
      slots,
      caption: caption(name(a), name(b), code),
      vertical: term === "above" || term === "below",
      leftOut: !askable,
      lead: term === "below" ? base(b) - base(a) : base(a) - base(b),
      moved: slots.includes(slot),
    };
  });
}

interface Counted {
  readonly world: string;
  readonly samples: number;
  readonly pairs: number;
  readonly leftOut: number;
  /** Those with bases that differ by more than 1 cm in the opposite direction. */
  readonly reversed: number;
  readonly vertical: number;
  readonly movedPairs: number;
  readonly movedLeftOut: number;
  /** Samples without any pair left, and samples without a pair of the moved object left. */
  readonly noPair: number;
  readonly noMovedPair: number;
}

function counted(world: string, bySample: readonly (readonly Pair[])[]): Counted {
  const pairs = bySample.flat();
  const left = pairs.filter(({ leftOut }) => leftOut);
  return {
    world,
    samples: bySample.length,
    pairs: pairs.length,
    leftOut: left.length,
    reversed: left.filter(({ lead }) => lead < -SAME_HEIGHT).length,
    vertical: pairs.filter(({ vertical }) => vertical).length,
    movedPairs: pairs.filter(({ moved }) => moved).length,
    movedLeftOut: left.filter(({ moved }) => moved).length,
    noPair: bySample.filter((pairs) => pairs.every(({ leftOut }) => leftOut)).length,
    noMovedPair: bySample.filter((pairs) => pairs.every(({ leftOut, moved }) => leftOut || !moved)).length,
  };
}

const ofAll = (part: number, all: number): string => `${count(part)} of ${count(all)} (${percent(part / all)})`;

const lines = (found: Counted): string[] => [
  `${found.world}: ${count(found.samples)} valid samples of random sampling`,
  `  pairs left out: ${ofAll(found.leftOut, found.pairs)}`,
  `  … of the pairs with a vertical term: ${ofAll(found.leftOut, found.vertical)}`,
  `  … with bases the other way round by more than 1 cm: ${ofAll(found.reversed, found.pairs)}`,
  `  … of the moved object's pairs: ${ofAll(found.movedLeftOut, found.movedPairs)}`,
  `  samples with no pair left: ${ofAll(found.noPair, found.samples)}`,
  `  samples with no pair of the moved object left, which pay h = 0: ${ofAll(found.noMovedPair, found.samples)}`,
];

const COLUMNS = 5;
const SIZE = 192;
/** Pairs per world on a sheet. */
const SHOWN = 5;
const FIRST = [225, 0, 0] as const;
const SECOND = [0, 90, 230] as const;

/** The picture with frames around the pair's objects: red for the first, blue for the second. */
function framed(catalog: Catalog, { sample: { scene, objects }, slots }: Pair): Uint8Array {
  const { image, segmentation } = render(catalog, scene, objects, SIZE);
  const picture = Uint8Array.from(image);
  for (const [i, slot] of slots.entries()) {
    const seen = [...segmentation.keys()].filter((pixel) => segmentation[pixel] === slot + 1);
    const columns = seen.map((pixel) => pixel % SIZE);
    const rows = seen.map((pixel) => Math.floor(pixel / SIZE));
    const [left, right] = [Math.max(0, Math.min(...columns) - 2), Math.min(SIZE - 1, Math.max(...columns) + 2)];
    const [top, bottom] = [Math.max(0, Math.min(...rows) - 2), Math.min(SIZE - 1, Math.max(...rows) + 2)];
    const dot = (row: number, column: number): void => picture.set(i === 0 ? FIRST : SECOND, (row * SIZE + column) * 3);
    for (let column = left; column <= right; column++) for (const row of [top, bottom]) dot(row, column);
    for (let row = top; row <= bottom; row++) for (const column of [left, right]) dot(row, column);
  }
  return picture;
}

interface Shown {
  readonly pictures: readonly Uint8Array[];
  readonly captions: readonly string[];
}

/** Pairs drawn at random, each from another sample and with both objects large enough to be seen. */
function shown(catalog: Catalog, pairs: readonly Pair[], random: Random): Shown {
  const chosen: Pair[] = [];
  for (const i of random.permutation(pairs.length)) {
    const pair = at(pairs, i);
    if (chosen.some(({ sample }) => sample === pair.sample)) continue;
    const { visiblePixels } = render(catalog, pair.sample.scene, pair.sample.objects, SIZE);
    if (pair.slots.some((slot) => at(visiblePixels, slot) < SMALLEST)) continue;
    chosen.push(pair);
    if (chosen.length === SHOWN) break;
  }
  return { pictures: chosen.map((pair) => framed(catalog, pair)), captions: chosen.map((pair) => pair.caption) };
}

/** Number of pixels from which a person can recognize an object. */
const SMALLEST = 60;

const SHEETS = ["left out", "kept, with a vertical term"] as const;

interface Found {
  readonly counts: Counted;
  readonly sheets: readonly Shown[];
}

async function look(name: string, iterations: number, seed: number): Promise<Found> {
  const configuration = resolveConfiguration([{ name: "left-out-pairs", values: { agent: "random", seed } }]);
  const served = { env: "embedded", world: name, count: configuration.episodesPerIteration, imageSize: IMAGE_SIZE };
  const environments = await openEnvironments(served, silent);
  try {
    const { world } = environments;
    const agent = new RandomAgent();
    const bySample: Pair[][] = [];
    for (let iteration = 1; iteration <= iterations; iteration++) {
      const { samples } = await playEpisodes({ environments, agent, progress: silent }, configuration, iteration);
      bySample.push(...samples.map((sample) => pairsOf(world, sample)));
    }
    const pairs = bySample.flat();
    const groups = [pairs.filter(({ leftOut }) => leftOut), pairs.filter((pair) => pair.vertical && !pair.leftOut)];
    return {
      counts: counted(name, bySample),
      sheets: groups.map((group, i) => shown(world.catalog, group, Random.stream(seed, "sheet", name, i))),
    };
  } finally {
    await environments.close();
  }
}

/** Writes a sheet, and returns the captions row by row, the first object in red, the second in blue. */
async function writeSheet(file: string, title: string, parts: readonly Shown[]): Promise<string[]> {
  const png = await sheet(
    parts.flatMap(({ pictures }) => pictures),
    SIZE,
    COLUMNS,
  );
  writeDurably(path.resolve(file), png);
  const captions = parts.flatMap((part) => part.captions);
  return [`${file}: pairs ${title}`, ...captions.map((text, i) => `  ${i + 1}. ${text}`)];
}

async function main(): Promise<void> {
  const argv = await yargs(hideBin(process.argv))
    .scriptName("node dist/benchmarks/left-out-pairs.js")
    .usage(
      "$0  how many pairs of random placements are not asked about, because their bases contradict the vertical term",
    )
    .options({
      iterations: { type: "number", default: 10, describe: "iterations of the random arm, each 16 × 40 valid samples" },
      seed: { type: "number", default: 1, describe: "seed of layouts, actions and the pairs shown" },
      picture: { type: "string", requiresArg: true, describe: "PNG to write: ten of the pairs left out" },
      kept: {
        type: "string",
        requiresArg: true,
        describe: "PNG to write: ten pairs with a vertical term that are asked about",
      },
      json: { type: "boolean", default: false, describe: "one JSON document" },
    })
    .strict()
    .wrap(80)
    .version(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new InputError(message ?? "");
    })
    .parseAsync();
  const { iterations, seed } = argv;
  if (!Number.isInteger(iterations) || iterations < 1) {
    throw new InputError(`--iterations is a whole number from 1 on, not ${iterations}`);
  }
  if (!Number.isSafeInteger(seed) || seed < 0) throw new InputError(`--seed is a whole number from 0 on, not ${seed}`);
  const found: Found[] = [];
  for (const world of SHIPPED_WORLDS) found.push(await look(world, iterations, seed));
  const written: string[] = [];
  for (const [i, file] of [argv.picture, argv.kept].entries()) {
    if (file === undefined) continue;
    const parts = found.map(({ sheets }) => at(sheets, i));
    written.push(...(await writeSheet(file, at(SHEETS, i), parts)));
  }
  if (argv.json) printJson({ iterations, seed, worlds: found.map(({ counts }) => counts) });
  else process.stdout.write(`${[...found.flatMap(({ counts }) => lines(counts)), ...written].join("\n")}\n`);
}

outliveReaders();

main().catch((error: unknown) => {
  const { code, message } = exitCodeOf(error);
  process.stderr.write(`left-out-pairs: ${message}\n`);
  process.exitCode = code;
});
