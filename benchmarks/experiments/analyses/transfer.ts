/** @file Trained in one world, tested in another: each run's adapter, and each base before, on the test sets of all worlds. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { percent, points, probability } from "../../../trainer/report/format.js";
import { holm, mean } from "../../../trainer/report/statistics.js";
import { writeDurably } from "../../../trainer/rls3/durable-file.js";
import { evaluate } from "../../../trainer/rls3/evaluation.js";
import { modelDirectory } from "../../../trainer/rls3/parts.js";
import { decodeTestSet } from "../../../trainer/rls3/preparation.js";
import { captionSet } from "../../../trainer/rls3/questions.js";
import { readTensorFile } from "../../../trainer/rls3/tensor-file.js";
import { type Catalog, loadCatalog } from "../../../trainer/rooms/index.js";
import { openModel } from "../../../trainer/vlm/index.js";
import { TextTokenizer } from "../../../trainer/vlm/tokenizer.js";
import type { Cell } from "../cells.js";
import { type Difference, difference, grouped, type Measured, measure, paired } from "../measures.js";
import type { Outcome, Table } from "../outcome.js";
import type { Context } from "./analysis.js";
import { ofLevel } from "./arms.js";

interface Tested {
  readonly run: Measured;
  /** World → one-term accuracy on its balanced test set. */
  readonly accuracy: Readonly<Record<string, number>>;
}

const kept = z.record(z.string(), z.number());

/** One-term accuracy of the model, with a run's adapter or without, on each world's test set; kept in `file`. */
async function tested(cell: Cell, adapter: string | null, sets: ReadonlyMap<string, Cell>, file: string) {
  if (existsSync(file)) return kept.parse(JSON.parse(readFileSync(file, "utf8")));
  const { vlm, device, threads } = cell.configuration;
  const model = await openModel(modelDirectory(vlm), {
    runtime: { device, threads },
    ...(adapter === null ? {} : { adapter }),
  });
  const found: Record<string, number> = {};
  try {
    for (const [world, { shared, configuration }] of sets) {
      const set = decodeTestSet(readTensorFile(path.join(shared, "test.safetensors")).tensors);
      found[world] = (await evaluate(model, namesOf(loadCatalog(configuration.world)), set)).oneTerm;
    }
  } finally {
    await model.close();
  }
  writeDurably(file, JSON.stringify(found));
  return found;
}

/** A factor's levels that the cells have, in their order. */
const levelsOf = (cells: readonly Cell[], factor: string): string[] => [
  ...new Set(cells.map(({ levels }) => levels[factor] ?? "")),
];

const namesOf = ({ objects }: Catalog) => ({ name: (object: number): string => objects[object]?.name ?? "" });

/** What the worlds have in common, and how many tokens their captions take for each base. */
function worldFacts(cells: readonly Cell[], sets: ReadonlyMap<string, Cell>): { sentences: string[]; data: unknown } {
  const worlds = [...sets].map(([world, cell]) => ({ world, cell, catalog: loadCatalog(cell.configuration.world) }));
  const [first, second] = worlds;
  if (first === undefined || second === undefined) return { sentences: [], data: null };
  const names = ({ catalog }: (typeof worlds)[number]): string[] => catalog.objects.map(({ name }) => name);
  const scenes = ({ catalog }: (typeof worlds)[number]): string[] => catalog.scenes.map(({ name }) => name);
  const both = (a: readonly string[], b: readonly string[]): string[] => a.filter((name) => b.includes(name));
  const [objects, rooms] = [both(names(first), names(second)), both(scenes(first), scenes(second))];
  const lengths = [...new Set(cells.map(({ configuration }) => configuration.vlm))].flatMap((vlm) => {
    const tokenizer = TextTokenizer.open(modelDirectory(vlm));
    const base = cells.find(({ configuration }) => configuration.vlm === vlm)?.levels["base"] ?? "";
    return worlds.map(({ world, cell, catalog }) => {
      const { questions } = decodeTestSet(readTensorFile(path.join(cell.shared, "test.safetensors")).tensors);
      const tokens = questions.flat().map((asked) => {
        return tokenizer.encodeTruncated(captionSet(namesOf(catalog), asked).right, 1000).length;
      });
      return { base, world, longest: Math.max(...tokens), mean: mean(tokens) };
    });
  });
  return {
    sentences: [
      `${first.world} has ${names(first).length} objects and ${scenes(first).length} scenes, ${second.world} ${names(second).length} and ${scenes(second).length}; they share ${objects.length === 0 ? "no object" : objects.join(", ")} and ${rooms.length === 0 ? "no scene" : rooms.join(", ")}`,
      ...lengths.map(
        ({ base, world, longest, mean: own }) =>
          `to the base that knows ${known(base)} a caption of ${world} is ${own.toFixed(1)} tokens, the longest ${longest}`,
      ),
    ],
    data: { objects, scenes: rooms, tokens: lengths },
  };
}

/** What a base has seen, in a sentence. */
const known = (base: string): string => (base === "both" ? "both worlds" : `the ${base} only`);

/** One trained and one tested world. */
interface Compared {
  readonly train: string;
  readonly test: string;
  readonly random: Corrected;
  readonly none: Corrected;
}

interface Corrected extends Difference {
  readonly pHolm: number | null;
}

/** A base's runs, and how they compare. */
interface OfBase {
  readonly base: string;
  readonly before: Readonly<Record<string, number>>;
  readonly runs: readonly Tested[];
  readonly compared: readonly Compared[];
}

export async function transfer({ cells, folder, progress, signal }: Context): Promise<Outcome> {
  const sets = new Map(cells.map((cell) => [cell.levels["train"] ?? "", cell]));
  const worlds = [...sets.keys()];
  const evaluations = path.join(folder, "evaluations");
  progress.begin("tests in the other world", cells.length, "runs");
  const all: Tested[] = [];
  for (const run of await measure(cells)) {
    signal?.throwIfAborted();
    const file = path.join(evaluations, `${path.basename(run.cell.folder)}.json`);
    all.push({ run, accuracy: await tested(run.cell, path.join(run.cell.folder, "adapter"), sets, file) });
    progress.advance(all.length);
  }
  progress.end();
  const uncorrected = [];
  for (const base of levelsOf(cells, "base")) {
    const runs = all.filter(({ run }) => run.cell.levels["base"] === base);
    const [any] = runs;
    if (any === undefined) continue;
    const { cell } = any.run;
    const file = path.join(evaluations, `before-${path.basename(cell.shared)}-${base}.json`);
    const before = await tested(cell, null, sets, file);
    uncorrected.push({ base, before, runs, compared: comparisons(runs, worlds, before) });
  }
  const bases = corrected(uncorrected);
  const facts = worldFacts(cells, sets);
  return {
    headline: bases.map(headlineOf).join(". "),
    sentences: [...bases.flatMap(carriedOver), ...facts.sentences],
    tables: bases.flatMap((own) => [accuracyTable(own, worlds), differenceTable(own)]),
    data: {
      bases: bases.map(({ base, before, runs, compared }) => ({
        base,
        before,
        runs: runs.map(({ run, accuracy }) => ({ ...run.cell.levels, seed: run.cell.seed, ...accuracy })),
        compared,
      })),
      worlds: facts.data,
    },
  };
}

const headlineOf = ({ base, compared }: OfBase): string =>
  `With a base that knows ${known(base)}, by RLS3: ${compared
    .filter(({ train, test }) => train !== test)
    .map(
      ({ train, test, random, none }) =>
        `${train} to ${test} ${points(none.mean)} to before (${probability(none.pHolm)}), ${points(random.mean)} to random (${probability(random.pHolm)})`,
    )
    .join("; ")}`;

/** How much of what is gained in the world that is tested is gained by training in the other; where either gains anything. */
function carriedOver({ base, compared }: OfBase): string[] {
  return compared.flatMap(({ train, test, none }) => {
    const own = compared.find((other) => other.train === test && other.test === test);
    if (train === test || own === undefined || none.mean <= 0 || (own.none.pHolm ?? 1) >= 0.05) return [];
    return [
      `with the base that knows ${known(base)}, training in ${train} gains ${percent(none.mean / own.none.mean)} of what training in ${test} itself gains in ${test} (${probability(none.pHolm)} for any gain)`,
    ];
  });
}

function accuracyTable({ base, runs, before }: OfBase, worlds: readonly string[]): Table {
  const accuracyOf = new Map(runs.map(({ run, accuracy }) => [run, accuracy]));
  const groups = grouped(
    runs.map(({ run }) => run),
    ({ levels }) => `${levels["train"]}, ${levels["arm"]}`,
  );
  return {
    title: `The base knows ${known(base)}: one-term accuracy on each world's balanced test set, at the end`,
    head: ["trained in, by", ...worlds.map((world) => `in ${world}`)],
    rows: [
      ["not fine-tuned", ...worlds.map((world) => percent(before[world]))],
      ...[...groups].map(([name, own]) => [
        name,
        ...worlds.map((world) => percent(mean(own.map((run) => accuracyOf.get(run)?.[world] ?? 0)))),
      ]),
    ],
  };
}

function comparisons(all: readonly Tested[], worlds: readonly string[], before: Readonly<Record<string, number>>) {
  const accuracyOf = new Map(all.map(({ run, accuracy }) => [run, accuracy]));
  return worlds.flatMap((train) =>
    worlds.map((test) => {
      const runs = ofLevel([...accuracyOf.keys()], "train", train);
      const value = (run: Measured): number => accuracyOf.get(run)?.[test] ?? 0;
      const own = ofLevel(runs, "arm", "rls3");
      const pairs = paired(own, ofLevel(runs, "arm", "random"), ({ seed }) => String(seed));
      return {
        train,
        test,
        random: difference(pairs.map(([a, b]) => [value(a), value(b)] as const)),
        none: difference(own.map((run) => [value(run), before[test] ?? 0] as const)),
      };
    }),
  );
}

/** Holm's correction over all bases and worlds together, of each question for itself. */
function corrected(
  bases: readonly (Omit<OfBase, "compared"> & { readonly compared: ReturnType<typeof comparisons> })[],
): OfBase[] {
  const found = bases.flatMap(({ compared }) => compared);
  const [random, none] = [holm(found.map((one) => one.random.p)), holm(found.map((one) => one.none.p))];
  return bases.map((own) => ({
    ...own,
    compared: own.compared.map((one) => {
      const i = found.indexOf(one);
      return {
        ...one,
        random: { ...one.random, pHolm: random[i] ?? null },
        none: { ...one.none, pHolm: none[i] ?? null },
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
