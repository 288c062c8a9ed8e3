/** @file The claim: is the agent with its signal better than random sampling, and than itself without the signal, in every world and on both test sets? */
import { at } from "../../../trainer/at.js";
import { mean } from "../../../trainer/mean.js";
import { count, percent, points, probability } from "../../../trainer/report/format.js";
import { holm } from "../../../trainer/report/statistics.js";
import type { Measure } from "../../../trainer/report/summary.js";
import type { Axis } from "../../../trainer/run-format/summary.js";
import {
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
const AGAINST = ["random", "β 0"];
const SETS: Readonly<Record<string, Measure>> = { balanced: oneTerm, natural: naturalOneTerm };
const AXES: readonly Axis[] = ["valid", "generated"];

/** One comparison of the claim. */
interface Row extends Difference {
  readonly world: string;
  readonly set: string;
  readonly against: string;
  readonly pHolm: number | null;
}

interface OfAxis {
  readonly axis: Axis;
  /** World → samples that all of its runs have. */
  readonly budgets: Readonly<Record<string, number>>;
  /** World → test set → arm → mean accuracy there. */
  readonly accuracy: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>;
  readonly rows: readonly Row[];
}

const mapped = <T>(names: readonly string[], value: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, value(name)]));

const namesOf = (runs: readonly Measured[], factor: string): string[] => [
  ...new Set(runs.map(({ cell }) => cell.levels[factor] ?? "")),
];

function alongAxis(runs: readonly Measured[], axis: Axis): OfAxis {
  const [worlds, arms] = [namesOf(runs, "world"), namesOf(runs, "arm")];
  const of = (world: string, arm: string): Measured[] => ofLevel(ofLevel(runs, "world", world), "arm", arm);
  const budgets = mapped(worlds, (world) => commonBudget(ofLevel(runs, "world", world), axis));
  const value = (run: Measured, world: string, set: string): number =>
    valueAt(run, axis, budgets[world] ?? 0, SETS[set]);
  const compared = worlds.flatMap((world) =>
    Object.keys(SETS).flatMap((set) =>
      AGAINST.filter((arm) => arms.includes(arm)).map((against) => {
        const pairs = paired(of(world, CLAIMED), of(world, against), ({ seed }) => String(seed));
        return {
          ...difference(pairs.map(([a, b]) => [value(a, world, set), value(b, world, set)] as const)),
          ...{ world, set, against },
        };
      }),
    ),
  );
  const corrected = holm(compared.map(({ p }) => p));
  return {
    axis,
    budgets,
    accuracy: mapped(worlds, (world) =>
      mapped(Object.keys(SETS), (set) =>
        mapped(arms, (arm) => mean(of(world, arm).map((run) => value(run, world, set)))),
      ),
    ),
    rows: compared.map((row, i) => ({ ...row, pHolm: at(corrected, i) })),
  };
}

const holds = ({ mean: gain, pHolm }: Row): boolean => gain > 0 && (pHolm ?? 1) < 0.05;

function outcome({ runs }: Context): Outcome {
  const [valid, generated] = AXES.map((axis) => alongAxis(runs, axis)) as [OfAxis, OfAxis];
  const held = valid.rows.filter(holds).length;
  return {
    headline: `Per valid sample RLS3 is clearly better in ${held} of ${valid.rows.length} comparisons: ${valid.rows.map(phrase).join("; ")}`,
    sentences: [
      `per generated sample it is clearly better in ${generated.rows.filter(holds).length} of ${generated.rows.length}: ${generated.rows.map(phrase).join("; ")}`,
    ],
    tables: [valid, generated].flatMap((found) => [accuracyTable(found), differenceTable(found)]),
    data: { valid, generated },
  };
}

/** The curves are all that it takes. */
export const claim: Analysis = { measures: null, outcome };

const phrase = ({ world, set, against, mean: gain, pHolm }: Row): string =>
  `${world}, ${set}, to ${against} ${points(gain)} (${probability(pHolm)})`;

const accuracyTable = ({ axis, budgets, accuracy }: OfAxis): Table => ({
  title: `One-term accuracy at equal numbers of ${axis} samples`,
  head: ["world, test set", "samples", ...Object.keys(Object.values(Object.values(accuracy)[0] ?? {})[0] ?? {})],
  rows: Object.entries(accuracy).flatMap(([world, sets]) =>
    Object.entries(sets).map(([set, arms]) => [
      `${world}, ${set}`,
      count(budgets[world] ?? 0),
      ...Object.values(arms).map((value) => percent(value)),
    ]),
  ),
});

const differenceTable = ({ axis, rows }: OfAxis): Table => ({
  title: `RLS3 per ${axis} sample, corrected by Holm over the ${rows.length} comparisons`,
  head: ["world, test set", "against", "difference", "p (Holm)", "seeds"],
  rows: rows.map(({ world, set, against, mean: gain, pHolm, wins, pairs }) => [
    `${world}, ${set}`,
    against,
    points(gain),
    probability(pHolm),
    `${wins} of ${pairs}`,
  ]),
});
