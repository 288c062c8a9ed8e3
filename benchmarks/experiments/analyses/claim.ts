/**
 * @file The claim: is the agent with its signal better than random sampling, and than itself without the signal (or than
 * the arms that the experiment names), in every place and on both test sets? Places are the levels of the experiment's first factor: worlds, or base models.
 */
import { group } from "d3-array";
import { at } from "../../../trainer/at.js";
import { mean } from "../../../trainer/mean.js";
import { count, decimal, percent, plural, points, probability } from "../../../trainer/report/format.js";
import { holm } from "../../../trainer/report/statistics.js";
import type { Measure } from "../../../trainer/report/summary.js";
import { SEEDS_FOR_A_CLAIM } from "../../../trainer/report/verdicts.js";
import type { Axis } from "../../../trainer/run-format/summary.js";
import {
  columnAt,
  commonBudget,
  type Difference,
  difference,
  type Measured,
  naturalOneTerm,
  oneTerm,
  paired,
  valueAt,
} from "../measures.js";
import type { Outcome, Table } from "../outcome.js";
import type { Analysis, Context } from "./analysis.js";
import { ofLevel } from "./arms.js";

const CLAIMED = "rls3";
const RANDOM = "random";
const USUALLY_AGAINST = [RANDOM, "β 0"];
const SETS: Readonly<Record<string, Measure>> = { balanced: oneTerm, natural: naturalOneTerm };
const AXES: readonly Axis[] = ["valid", "generated"];

/** One comparison of the claim. */
interface Row extends Difference {
  readonly place: string;
  readonly set: string;
  readonly against: string;
  readonly pHolm: number | null;
}

interface OfAxis {
  readonly axis: Axis;
  /** Place → number of samples that all of its runs have. */
  readonly budgets: Readonly<Record<string, number>>;
  /** Place → test set → arm → mean accuracy there. */
  readonly accuracy: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>;
  /** Place → arm → mean of the paper's test score, for models that answer. */
  readonly scores: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly rows: readonly Row[];
  /** Every other arm against random sampling, p uncorrected; empty without random sampling. */
  readonly toRandom: readonly (Omit<Row, "against" | "pHolm"> & { readonly arm: string })[];
}

const mapped = <T>(names: readonly string[], value: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, value(name)]));

const namesOf = (runs: readonly Measured[], factor: string): string[] => [
  ...new Set(runs.map(({ cell }) => cell.levels[factor] ?? "")),
];

function alongAxis({ experiment, runs }: Context, factor: string, axis: Axis): OfAxis {
  const { against: others = USUALLY_AGAINST } = experiment;
  const [worlds, arms] = [namesOf(runs, factor), namesOf(runs, "arm")];
  const of = (world: string, arm: string): Measured[] => ofLevel(ofLevel(runs, factor, world), "arm", arm);
  const budgets = mapped(worlds, (world) => commonBudget(ofLevel(runs, factor, world), axis));
  const value = (run: Measured, world: string, set: string): number =>
    valueAt(run, axis, budgets[world] ?? 0, SETS[set]);
  const between = (world: string, set: string, arm: string, against: string) => {
    const pairs = paired(of(world, arm), of(world, against), ({ seed }) => String(seed));
    const found = difference(pairs.map(([a, b]) => [value(a, world, set), value(b, world, set)] as const));
    return { ...found, place: world, set };
  };
  const everywhere = <T>(each: (world: string, set: string) => T[]): T[] =>
    worlds.flatMap((world) => Object.keys(SETS).flatMap((set) => each(world, set)));
  const compared = everywhere((world, set) =>
    others
      .filter((arm) => arms.includes(arm))
      .map((against) => ({ ...between(world, set, CLAIMED, against), against })),
  );
  const measured = arms.includes(RANDOM) ? arms.filter((arm) => arm !== RANDOM) : [];
  const corrected = holm(compared.map(({ p }) => p));
  return {
    axis,
    budgets,
    accuracy: mapped(worlds, (world) =>
      mapped(Object.keys(SETS), (set) =>
        mapped(arms, (arm) => mean(of(world, arm).map((run) => value(run, world, set)))),
      ),
    ),
    scores: mapped(
      worlds.filter((world) =>
        ofLevel(runs, factor, world).every(({ rows }) => rows.some(({ testScore }) => testScore !== null)),
      ),
      (world) =>
        mapped(arms, (arm) => mean(of(world, arm).map((run) => columnAt(run, "testScore", axis, budgets[world] ?? 0)))),
    ),
    rows: compared.map((row, i) => ({ ...row, pHolm: at(corrected, i) })),
    toRandom: everywhere((world, set) => measured.map((arm) => ({ ...between(world, set, arm, RANDOM), arm }))),
  };
}

const holds = ({ mean: gain, pHolm }: Row): boolean => gain > 0 && (pHolm ?? 1) < 0.05;

function outcome(context: Context): Outcome {
  const [factor = "world"] = Object.keys(context.experiment.factors);
  const [valid, generated] = AXES.map((axis) => alongAxis(context, factor, axis)) as [OfAxis, OfAxis];
  return {
    headline: `Per valid sample RLS3 ${held(valid, " comparisons")}: ${valid.rows.map(phrase).join("; ")}`,
    sentences: [`per generated sample it ${held(generated)}: ${generated.rows.map(phrase).join("; ")}`],
    tables: [valid, generated].flatMap((found) => [
      accuracyTable(factor, found),
      ...scoreTable(factor, found),
      differenceTable(factor, found),
      ...randomTable(factor, found),
    ]),
    data: { valid, generated },
  };
}

/** It needs only the curves. */
export const claim: Analysis = { measures: null, outcome };

/** In how many comparisons it is better; with too few seeds only that. */
function held({ rows }: OfAxis, what = ""): string {
  const fewest = Math.min(...rows.map(({ pairs }) => pairs));
  if (fewest < SEEDS_FOR_A_CLAIM) return `has ${plural(fewest, "seed")}, too few for a claim`;
  return `is clearly better in ${rows.filter(holds).length} of ${rows.length}${what}`;
}

const phrase = ({ place, set, against, mean: gain, pHolm }: Row): string =>
  `${place}, ${set}, to ${against} ${points(gain)} (${probability(pHolm)})`;

const accuracyTable = (factor: string, { axis, budgets, accuracy }: OfAxis): Table => ({
  title: `One-term accuracy at equal numbers of ${axis} samples`,
  head: [`${factor}, test set`, "samples", ...Object.keys(Object.values(Object.values(accuracy)[0] ?? {})[0] ?? {})],
  rows: Object.entries(accuracy).flatMap(([world, sets]) =>
    Object.entries(sets).map(([set, arms]) => [
      `${world}, ${set}`,
      count(budgets[world] ?? 0),
      ...Object.values(arms).map((value) => percent(value)),
    ]),
  ),
});

/** Empty where no model answers. */
function scoreTable(factor: string, { axis, scores }: OfAxis): Table[] {
  const [first] = Object.values(scores);
  if (first === undefined) return [];
  return [
    {
      title: `The paper's score on the test set, 1 to 5, at equal numbers of ${axis} samples`,
      head: [factor, ...Object.keys(first)],
      rows: Object.entries(scores).map(([place, arms]) => [
        place,
        ...Object.values(arms).map((value) => decimal(value, 2)),
      ]),
    },
  ];
}

const differenceTable = (factor: string, { axis, rows }: OfAxis): Table => ({
  title: `RLS3 per ${axis} sample, corrected by Holm over the ${rows.length} comparisons`,
  head: [`${factor}, test set`, "against", "difference", "p (Holm)", "seeds"],
  rows: rows.map(({ place, set, against, mean: gain, pHolm, wins, pairs }) => [
    `${place}, ${set}`,
    against,
    points(gain),
    probability(pHolm),
    `${wins} of ${pairs}`,
  ]),
});

/** Empty without random sampling. */
function randomTable(factor: string, { axis, toRandom }: OfAxis): Table[] {
  const arms = [...new Set(toRandom.map(({ arm }) => arm))];
  if (arms.length === 0) return [];
  const rows = group(toRandom, ({ place, set }) => `${place}, ${set}`);
  return [
    {
      title: `Each arm's difference to random per ${axis} sample, p not corrected`,
      head: [`${factor}, test set`, ...arms],
      rows: [...rows].map(([name, all]) => [
        name,
        ...all.map(({ mean: gain, p }) => `${points(gain)} (${probability(p)})`),
      ]),
    },
  ];
}
