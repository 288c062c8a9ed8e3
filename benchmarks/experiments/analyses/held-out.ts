/**
 * @file Trained in four scenes, tested in the fifth and from other cameras: does the model generalize, and does it
 * matter who chose the samples?
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { at } from "../../../trainer/at.js";
import { writeDurably } from "../../../trainer/files/durable-file.js";
import { mean } from "../../../trainer/mean.js";
import { count, percent, points, probability } from "../../../trainer/report/format.js";
import { holm } from "../../../trainer/report/statistics.js";
import type { CatalogDocument } from "../../../trainer/rooms/catalog-document.js";
import { catalogFolder } from "../../../trainer/rooms/catalog-folder.js";
import { loadCatalog } from "../../../trainer/rooms/index.js";
import type { Configuration } from "../../../trainer/settings/settings.js";
import type { Cell } from "../cells.js";
import { type Difference, difference, type Measured } from "../measures.js";
import type { Outcome } from "../outcome.js";
import { type Asked, accuracies, drawnTestSet, withAndWithout } from "./adapters.js";
import type { Analysis, Context, Place } from "./analysis.js";
import { ofLevel } from "./arms.js";
import { type Turn, turnedCameras } from "./cameras.js";

const TRAINED = "trained scenes";
const HELD_OUT = "held-out scene";

/** Other cameras in the trained scenes: how far off a user's own camera may be. */
const TURNS: Readonly<Record<string, Turn>> = {
  "camera 15° left": { yaw: -15 },
  "camera 15° right": { yaw: 15 },
  "camera 5° steeper": { pitch: 5 },
  "camera 5° flatter": { pitch: -5 },
  "camera 250 mm up": { raise: 250 },
};
/** A third of the curve's number, because each run has five of these test sets. */
const IMAGES_PER_RELATION = 20;

const NAMES = [TRAINED, HELD_OUT, ...Object.keys(TURNS)];

const schema = z.strictObject({
  /** Test set → one-term accuracy of the run's adapter. */
  accuracy: accuracies,
  /** The same for its base alone. */
  before: accuracies,
});
type Taken = z.infer<typeof schema>;

async function take(cell: Cell, place: Place): Promise<Taken> {
  const { configuration } = cell;
  const fold = path.basename(cell.shared);
  const evaluations = path.join(place.folder, "evaluations");
  const inTrained: Configuration = { ...configuration, testScenes: configuration.scenes };
  const sets = new Map<string, Asked>();
  const add = async (name: string, asked: Configuration, number: number): Promise<void> => {
    const file = path.join(evaluations, `${fold}-${number}.safetensors`);
    sets.set(name, { catalog: loadCatalog(asked.world), set: await drawnTestSet(asked, cell, file, place) });
  };
  await add(TRAINED, inTrained, 0);
  await add(HELD_OUT, configuration, 1);
  for (const [i, [name, turn]] of Object.entries(TURNS).entries()) {
    const world = path.join(evaluations, `${configuration.world}-camera-${i}.json`);
    const document = JSON.parse(
      readFileSync(path.join(catalogFolder, `${configuration.world}.json`), "utf8"),
    ) as CatalogDocument;
    writeDurably(world, JSON.stringify(turnedCameras(document, turn)));
    await add(name, { ...inTrained, world, testImagesPerRelation: IMAGES_PER_RELATION }, 2 + i);
  }
  return withAndWithout(cell, "base", sets, place);
}

/**
 * Accuracies on a test set, means over folds and seeds. Differences are over seeds with folds averaged, since the folds
 * of a seed share three scenes.
 */
interface Row {
  readonly name: string;
  readonly before: number;
  readonly rls3: number;
  readonly random: number;
  readonly difference: Difference;
  readonly pHolm: number | null;
}

type Run = Measured & Taken;

function outcome({ runs: measuredRuns }: Context): Outcome {
  const all = measuredRuns.map((run): Run => ({ ...run, ...schema.parse(run.measures) }));
  const arms = { rls3: ofLevel(all, "arm", "rls3"), random: ofLevel(all, "arm", "random") };
  const folds = [...new Set(all.map(({ cell }) => cell.levels["held out"] ?? ""))];
  const rows = rowsOf(arms.rls3, arms.random);
  const [trained, held] = [at(rows, 0), at(rows, 1)];
  return {
    headline: `In a scene that was held out ${percent(held.rls3)} with RLS3's samples and ${percent(held.random)} with random ones (${points(held.difference.mean)}, ${probability(held.pHolm)}), before ${percent(held.before)}; in the trained scenes ${percent(trained.rls3)} and ${percent(trained.random)}`,
    sentences: carriedOver(trained, held),
    tables: [
      {
        title: "One-term accuracy on balanced test sets at the end, means over folds",
        head: ["tested in", "before", "random", "RLS3", "difference", "p (Holm)", "seeds"],
        rows: rows.map((row) => [
          row.name,
          percent(row.before),
          percent(row.random),
          percent(row.rls3),
          points(row.difference.mean),
          probability(row.pHolm),
          `${count(row.difference.wins)} of ${count(row.difference.pairs)}`,
        ]),
      },
      {
        title: "Each scene held out",
        head: ["scene", "before", "random", "RLS3"],
        rows: folds.map((fold) => {
          const of = (runs: readonly Run[], pick: "accuracy" | "before"): string =>
            percent(meanOf(ofLevel(runs, "held out", fold), pick, HELD_OUT));
          return [fold, of(all, "before"), of(arms.random, "accuracy"), of(arms.rls3, "accuracy")];
        }),
      },
    ],
    data: {
      rows,
      runs: all.map(({ cell, accuracy, before }) => ({ ...cell.levels, seed: cell.seed, accuracy, before })),
    },
  };
}

/** How much of the gain in the trained scenes also appears in the held-out one, where there is a gain. */
function carriedOver(trained: Row, held: Row): string[] {
  const share = (arm: "rls3" | "random"): string =>
    percent((held[arm] - held.before) / (trained[arm] - trained.before));
  if (Math.min(trained.rls3, trained.random) <= trained.before) return [];
  return [
    `of what is gained in the trained scenes, ${share("rls3")} is gained in the held-out one too with RLS3's samples, ${share("random")} with random ones`,
  ];
}

const meanOf = (runs: readonly Run[], pick: "accuracy" | "before", name: string): number =>
  mean(runs.map((run) => accuracyOn(run[pick], name)));

function accuracyOn(values: Readonly<Record<string, number>>, name: string): number {
  const value = values[name];
  if (value === undefined) throw new RangeError(`no accuracy was measured on the test set "${name}"`);
  return value;
}

function rowsOf(rls3: readonly Run[], random: readonly Run[]): Row[] {
  const seeds = [...new Set(rls3.map(({ cell }) => cell.seed))];
  const perSeed = (runs: readonly Run[], seed: number, name: string): number =>
    meanOf(
      runs.filter(({ cell }) => cell.seed === seed),
      "accuracy",
      name,
    );
  const differences = NAMES.map((name) =>
    difference(seeds.map((seed) => [perSeed(rls3, seed, name), perSeed(random, seed, name)] as const)),
  );
  const corrected = holm(differences.map(({ p }) => p));
  return NAMES.map((name, i) => ({
    name,
    before: meanOf(rls3, "before", name),
    rls3: meanOf(rls3, "accuracy", name),
    random: meanOf(random, "accuracy", name),
    difference: at(differences, i),
    pHolm: at(corrected, i),
  }));
}

export const heldOut: Analysis = { measures: { schema, take }, outcome };
