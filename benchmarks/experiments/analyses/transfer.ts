/**
 * @file Trained in one world, tested in another: each run's adapter, and each base before training, on the test sets of
 * all worlds.
 */

import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { at } from "../../../trainer/at.js";
import type { TestSet } from "../../../trainer/evaluation/evaluation.js";
import { captionSet } from "../../../trainer/evaluation/questions.js";
import { decodeTestSet } from "../../../trainer/evaluation/test-sets.js";
import { readTensorFile } from "../../../trainer/files/tensor-file.js";
import { CAPTIONS } from "../../../trainer/language/index.js";
import { mean } from "../../../trainer/mean.js";
import { percent, points, probability } from "../../../trainer/report/format.js";
import { holm } from "../../../trainer/report/statistics.js";
import { type Catalog, loadCatalog } from "../../../trainer/rooms/index.js";
import { modelDirectory } from "../../../trainer/runs/parts.js";
import { SETTINGS } from "../../../trainer/settings/settings.js";
import { TextTokenizer } from "../../../trainer/vlm/files/tokenizer.js";
import type { Cell } from "../cells.js";
import type { Experiment } from "../definition.js";
import { type Difference, difference, grouped, levelOf, type Measured, paired } from "../measures.js";
import type { Outcome, Table } from "../outcome.js";
import { type Asked, accuracies, drawnTestSet, namesOf, withAndWithout } from "./adapters.js";
import type { Analysis, Context, Place } from "./analysis.js";
import { ofLevel } from "./arms.js";

interface Tested extends Measured {
  /** World → one-term accuracy on its balanced test set. */
  readonly accuracy: Readonly<Record<string, number>>;
}

/** The length of a world's captions in tokens, for a base. */
const lengths = z.strictObject({ longest: z.number(), mean: z.number() });
const schema = z.strictObject({
  /** World → one-term accuracy of the run's adapter. */
  accuracy: accuracies,
  /** The same for its base alone. */
  before: accuracies,
  captions: z.record(z.string(), lengths),
});
type Taken = z.infer<typeof schema>;

async function take(cell: Cell, place: Place): Promise<Taken> {
  const worlds = new Map<string, Asked>();
  for (const world of levelsOf(place.cells, "train")) {
    const cells = place.cells.filter(({ levels }) => levels["train"] === world);
    worlds.set(world, {
      catalog: loadCatalog(at(cells, 0).configuration.world),
      set: await testSetOf(cells, cell, place),
    });
  }
  const found = await withAndWithout(cell, levelOf(cell, "base"), worlds, place);
  return { ...found, captions: captionLengths(cell, worlds) };
}

/**
 * The balanced test set that these cells of one world share. It is drawn again for the model of `here` where all their
 * runs are on another machine.
 */
async function testSetOf(cells: readonly Cell[], here: Cell, place: Place): Promise<TestSet> {
  const any = at(cells, 0);
  const there = cells.map(({ shared }) => path.join(shared, "test.safetensors")).find((file) => existsSync(file));
  if (there !== undefined) return decodeTestSet(readTensorFile(there).tensors);
  const file = path.join(place.folder, "evaluations", `test-${path.basename(any.shared)}.safetensors`);
  return drawnTestSet(any.configuration, here, file, place);
}

/** The levels of a factor that occur in the cells, in order. */
const levelsOf = (cells: readonly Pick<Cell, "levels" | "name">[], factor: string): string[] => [
  ...new Set(cells.map((cell) => levelOf(cell, factor))),
];

function accuracyIn(accuracy: Readonly<Record<string, number>>, world: string): number {
  const value = accuracy[world];
  if (value === undefined) throw new RangeError(`no accuracy was measured in the world "${world}"`);
  return value;
}

function captionLengths({ configuration }: Cell, worlds: ReadonlyMap<string, Asked>): Taken["captions"] {
  const tokenizer = TextTokenizer.open(modelDirectory(configuration.vlm));
  return Object.fromEntries(
    [...worlds].map(([world, { catalog, set }]) => {
      const tokens = set.questions.flat().map((question) => {
        return tokenizer.encodeTruncated(
          captionSet({ world: namesOf(catalog), phrasing: CAPTIONS }, question).right,
          1000,
        ).length;
      });
      return [world, { longest: Math.max(...tokens), mean: mean(tokens) }];
    }),
  );
}

/** What the worlds have in common, and how many tokens each base needs for their captions. */
function worldFacts(
  worlds: readonly { readonly world: string; readonly catalog: Catalog }[],
  bases: readonly { readonly base: string; readonly captions: Taken["captions"] }[],
): { sentences: string[]; data: unknown } {
  const [first, second] = worlds;
  if (first === undefined || second === undefined) return { sentences: [], data: null };
  const names = ({ catalog }: (typeof worlds)[number]): string[] => catalog.objects.map(({ name }) => name);
  const scenes = ({ catalog }: (typeof worlds)[number]): string[] => catalog.scenes.map(({ name }) => name);
  const both = (a: readonly string[], b: readonly string[]): string[] => a.filter((name) => b.includes(name));
  const [objects, rooms] = [both(names(first), names(second)), both(scenes(first), scenes(second))];
  const tokens = bases.flatMap(({ base, captions }) =>
    Object.entries(captions).map(([world, { longest, mean: average }]) => ({ base, world, longest, mean: average })),
  );
  return {
    sentences: [
      `${first.world} has ${names(first).length} objects and ${scenes(first).length} scenes, ${second.world} ${names(second).length} and ${scenes(second).length}; they share ${objects.length === 0 ? "no object" : objects.join(", ")} and ${rooms.length === 0 ? "no scene" : rooms.join(", ")}`,
      ...tokens.map(
        ({ base, world, longest, mean: average }) =>
          `to the base that knows ${known(base)} a caption of ${world} is ${average.toFixed(1)} tokens, the longest ${longest}`,
      ),
    ],
    data: { objects, scenes: rooms, tokens },
  };
}

/** What a base has seen, for a sentence. */
const known = (base: string): string => (base === "both" ? "both worlds" : `the ${base} only`);

/** A pair of a training and a test world. */
interface Compared {
  readonly train: string;
  readonly test: string;
  readonly random: Corrected;
  readonly none: Corrected;
}

interface Corrected extends Difference {
  readonly pHolm: number | null;
}

/** A base's runs, and their comparisons. */
interface OfBase {
  readonly base: string;
  readonly before: Readonly<Record<string, number>>;
  readonly runs: readonly Tested[];
  readonly compared: readonly Compared[];
}

/** The world of a level of `train`, from the experiment's file. */
const worldOf = ({ factors }: Experiment, level: string): string =>
  String(factors["train"]?.[level]?.["world"] ?? SETTINGS.world.fallback);

function outcome({ experiment, runs: measuredRuns }: Context): Outcome {
  const cells = measuredRuns.map(({ cell }) => cell);
  const worlds = levelsOf(cells, "train");
  const all = measuredRuns.map((run) => ({ ...run, ...schema.parse(run.measures) }));
  const uncorrected = [];
  const captions = [];
  for (const base of levelsOf(cells, "base")) {
    const runs = ofLevel(all, "base", base);
    const first = at(runs, 0);
    uncorrected.push({ base, before: first.before, runs, compared: comparisons(runs, worlds, first.before) });
    captions.push({ base, captions: first.captions });
  }
  const bases = corrected(uncorrected);
  const facts = worldFacts(
    worlds.map((world) => ({ world, catalog: loadCatalog(worldOf(experiment, world)) })),
    captions,
  );
  return {
    headline: bases.map(headlineOf).join(". "),
    sentences: [...bases.flatMap(carriedOver), ...facts.sentences],
    tables: bases.flatMap((base) => [accuracyTable(base, worlds), differenceTable(base)]),
    data: {
      bases: bases.map(({ base, before, runs, compared }) => ({
        base,
        before,
        runs: runs.map(({ cell, accuracy }) => ({ ...cell.levels, seed: cell.seed, ...accuracy })),
        compared,
      })),
      worlds: facts.data,
    },
  };
}

export const transfer: Analysis = { measures: { schema, take }, outcome };

const headlineOf = ({ base, compared }: OfBase): string =>
  `With a base that knows ${known(base)}, by RLS3: ${compared
    .filter(({ train, test }) => train !== test)
    .map(
      ({ train, test, random, none }) =>
        `${train} to ${test} ${points(none.mean)} to before (${probability(none.pHolm)}), ${points(random.mean)} to random (${probability(random.pHolm)})`,
    )
    .join("; ")}`;

/** How much of the gain in the tested world is gained by training in the other one; only where there is a gain. */
function carriedOver({ base, compared }: OfBase): string[] {
  return compared.flatMap(({ train, test, none }) => {
    const within = compared.findIndex((other) => other.train === test && other.test === test);
    const inWorld = at(compared, within);
    if (train === test || none.mean <= 0 || (inWorld.none.pHolm ?? 1) >= 0.05) return [];
    return [
      `with the base that knows ${known(base)}, training in ${train} gains ${percent(none.mean / inWorld.none.mean)} of what training in ${test} itself gains in ${test} (${probability(none.pHolm)} for any gain)`,
    ];
  });
}

function accuracyTable({ base, runs, before }: OfBase, worlds: readonly string[]): Table {
  const groups = grouped(runs, ({ levels }) => `${levels["train"]}, ${levels["arm"]}`);
  return {
    title: `The base knows ${known(base)}: one-term accuracy on each world's balanced test set, at the end`,
    head: ["trained in, by", ...worlds.map((world) => `in ${world}`)],
    rows: [
      ["not fine-tuned", ...worlds.map((world) => percent(before[world]))],
      ...[...groups].map(([name, group]) => [
        name,
        ...worlds.map((world) => percent(mean(group.map(({ accuracy }) => accuracyIn(accuracy, world))))),
      ]),
    ],
  };
}

function comparisons(all: readonly Tested[], worlds: readonly string[], before: Readonly<Record<string, number>>) {
  return worlds.flatMap((train) =>
    worlds.map((test) => {
      const runs = ofLevel(all, "train", train);
      const value = ({ accuracy }: Tested): number => accuracyIn(accuracy, test);
      const trained = ofLevel(runs, "arm", "rls3");
      const pairs = paired(trained, ofLevel(runs, "arm", "random"), ({ seed }) => String(seed));
      return {
        train,
        test,
        random: difference(pairs.map(([a, b]) => [value(a), value(b)] as const)),
        none: difference(trained.map((run) => [value(run), accuracyIn(before, test)] as const)),
      };
    }),
  );
}

/** Holm's correction over all bases and worlds, separately for each question. */
function corrected(
  bases: readonly (Omit<OfBase, "compared"> & { readonly compared: ReturnType<typeof comparisons> })[],
): OfBase[] {
  const found = bases.flatMap(({ compared }) => compared);
  const [random, none] = [holm(found.map((one) => one.random.p)), holm(found.map((one) => one.none.p))];
  return bases.map((base) => ({
    ...base,
    compared: base.compared.map((one) => {
      const i = found.indexOf(one);
      return {
        ...one,
        random: { ...one.random, pHolm: at(random, i) },
        none: { ...one.none, pHolm: at(none, i) },
      };
    }),
  }));
}

const differenceTable = ({ base, compared }: OfBase): Table => ({
  title: `The base knows ${known(base)}: RLS3 against random sampling, and against the model before`,
  head: ["trained, tested in", "to random", "p (Holm)", "seeds", "to before", "p (Holm)"],
  rows: compared.map(({ train, test, random, none }) => [
    `${train}, ${test}`,
    points(random.mean),
    probability(random.pHolm),
    `${random.wins} of ${random.pairs}`,
    points(none.mean),
    probability(none.pHolm),
  ]),
});
