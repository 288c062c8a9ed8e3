/** @file Trained in one world, tested in another: each run's adapter, and the model before, on the test sets of all worlds. */
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
import { difference, type Measured, measure, paired } from "../measures.js";
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

const namesOf = ({ objects }: Catalog) => ({ name: (object: number): string => objects[object]?.name ?? "" });

/** What the worlds have in common, and how many tokens their captions take. */
function worldFacts(cells: ReadonlyMap<string, Cell>): { sentences: string[]; data: unknown } {
  const worlds = [...cells].map(([world, cell]) => ({ world, cell, catalog: loadCatalog(cell.configuration.world) }));
  const [first, second] = worlds;
  if (first === undefined || second === undefined) return { sentences: [], data: null };
  const names = ({ catalog }: (typeof worlds)[number]): string[] => catalog.objects.map(({ name }) => name);
  const scenes = ({ catalog }: (typeof worlds)[number]): string[] => catalog.scenes.map(({ name }) => name);
  const both = (a: readonly string[], b: readonly string[]): string[] => a.filter((name) => b.includes(name));
  const [objects, rooms] = [both(names(first), names(second)), both(scenes(first), scenes(second))];
  const lengths = worlds.map(({ world, cell, catalog }) => {
    const tokenizer = TextTokenizer.open(modelDirectory(cell.configuration.vlm));
    const { questions } = decodeTestSet(readTensorFile(path.join(cell.shared, "test.safetensors")).tensors);
    const tokens = questions.flat().map((asked) => {
      return tokenizer.encodeTruncated(captionSet(namesOf(catalog), asked).right, 1000).length;
    });
    return { world, longest: Math.max(...tokens), mean: mean(tokens) };
  });
  return {
    sentences: [
      `${first.world} has ${names(first).length} objects and ${scenes(first).length} scenes, ${second.world} ${names(second).length} and ${scenes(second).length}; they share ${objects.length === 0 ? "no object" : objects.join(", ")} and ${rooms.length === 0 ? "no scene" : rooms.join(", ")}`,
      ...lengths.map(
        ({ world, longest, mean: own }) =>
          `a caption of ${world} takes ${own.toFixed(1)} tokens, the longest ${longest}`,
      ),
    ],
    data: { objects, scenes: rooms, tokens: lengths },
  };
}

export async function transfer({ cells, folder, progress, signal }: Context): Promise<Outcome> {
  const worlds = new Map(cells.map((cell) => [cell.levels["train"] ?? "", cell]));
  const evaluations = path.join(folder, "evaluations");
  progress.begin("tests in the other world", cells.length, "runs");
  const all: Tested[] = [];
  for (const run of await measure(cells)) {
    signal?.throwIfAborted();
    const file = path.join(evaluations, `${path.basename(run.cell.folder)}.json`);
    all.push({ run, accuracy: await tested(run.cell, path.join(run.cell.folder, "adapter"), worlds, file) });
    progress.advance(all.length);
  }
  progress.end();
  const [any] = cells;
  const before =
    any === undefined
      ? {}
      : await tested(any, null, worlds, path.join(evaluations, `before-${path.basename(any.shared)}.json`));
  const names = [...worlds.keys()];
  const facts = worldFacts(worlds);
  const compared = comparisons(all, names, before);
  const cross = compared.filter(({ train, test }) => train !== test);
  return {
    headline: cross
      .map(
        ({ train, test, random, none }) =>
          `${train} to ${test}: RLS3 ${points(random.mean)} to random (${probability(random.pHolm)}), ${points(none.mean)} to before`,
      )
      .join("; "),
    sentences: facts.sentences,
    tables: [accuracyTable(all, names, before), differenceTable(compared)],
    data: {
      before,
      runs: all.map(({ run, accuracy }) => ({ ...run.cell.levels, seed: run.cell.seed, ...accuracy })),
      compared,
      worlds: facts.data,
    },
  };
}

function accuracyTable(
  all: readonly Tested[],
  worlds: readonly string[],
  before: Readonly<Record<string, number>>,
): Table {
  const groups = new Map<string, Tested[]>();
  for (const one of all) {
    const name = `${one.run.cell.levels["train"]}, ${one.run.cell.levels["arm"]}`;
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return {
    title: "One-term accuracy on each world's balanced test set, at the end",
    head: ["trained in, by", ...worlds.map((world) => `in ${world}`)],
    rows: [
      ["not fine-tuned", ...worlds.map((world) => percent(before[world]))],
      ...[...groups].map(([name, own]) => [
        name,
        ...worlds.map((world) => percent(mean(own.map(({ accuracy }) => accuracy[world] ?? 0)))),
      ]),
    ],
  };
}

function comparisons(all: readonly Tested[], worlds: readonly string[], before: Readonly<Record<string, number>>) {
  const accuracyOf = new Map(all.map(({ run, accuracy }) => [run, accuracy]));
  const found = worlds.flatMap((train) =>
    worlds.map((test) => {
      const runs = ofLevel(
        all.map(({ run }) => run),
        "train",
        train,
      );
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
  const [random, none] = [holm(found.map((one) => one.random.p)), holm(found.map((one) => one.none.p))];
  return found.map((one, i) => ({
    ...one,
    random: { ...one.random, pHolm: random[i] ?? null },
    none: { ...one.none, pHolm: none[i] ?? null },
  }));
}

const differenceTable = (compared: ReturnType<typeof comparisons>): Table => ({
  title: "RLS3 against random sampling, and against the model before",
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
