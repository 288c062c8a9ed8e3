/**
 * @file Compares the levels of one factor: accuracy at equal valid and equal generated samples, each against the
 * baseline.
 */

import { at } from "../../../trainer/at.js";
import { mean } from "../../../trainer/mean.js";
import { SHARE } from "../../../trainer/report/charts/quantities.js";
import { count, EMPTY, percent, points, probability } from "../../../trainer/report/format.js";
import { holm } from "../../../trainer/report/statistics.js";
import { SEEDS_FOR_A_CLAIM, seedsSaid } from "../../../trainer/report/verdicts.js";
import type { Axis } from "../../../trainer/run-format/summary.js";
import type { Experiment } from "../definition.js";
import {
  columnAt,
  commonBudget,
  type Difference,
  difference,
  estimate,
  gainPerIteration,
  grouped,
  type Measured,
  naturalOneTerm,
  paired,
  valueAt,
} from "../measures.js";
import type { Outcome, Table } from "../outcome.js";
import type { Analysis, Context } from "./analysis.js";

interface Level {
  readonly name: string;
  readonly runs: readonly Measured[];
}

interface Against extends Difference {
  readonly pHolm: number | null;
}

/** Each level against the baseline, corrected for the number of levels; null for the baseline itself. */
function against(
  levels: readonly Level[],
  baseline: string | undefined,
  value: (run: Measured) => number,
): (Against | null)[] {
  const base = levels.find(({ name }) => name === baseline)?.runs ?? [];
  const differences = levels.map(({ name, runs }) => {
    const pairs = name === baseline ? [] : paired(runs, base, ({ seed }) => String(seed));
    return pairs.length === 0 ? null : difference(pairs.map(([a, b]) => [value(a), value(b)] as const));
  });
  const corrected = holm(differences.map((found) => found?.p ?? null));
  return differences.map((found, i) => (found === null ? null : { ...found, pHolm: at(corrected, i) }));
}

const differenceCells = (found: Against | null): string[] =>
  found === null ? ["", "", ""] : [points(found.mean), probability(found.pHolm), `${found.wins} of ${found.pairs}`];

function accuracyTable(
  factor: string,
  levels: readonly Level[],
  axis: Axis,
  samples: number,
  baseline: string | undefined,
) {
  const values = (run: Measured): number => valueAt(run, axis, samples);
  const compared = against(levels, baseline, values);
  const estimates = levels.map(({ runs }) => estimate(runs.map(values)));
  const table: Table = {
    title: `One-term accuracy after ${count(samples)} ${axis} samples`,
    head: [factor, "mean", "95 % interval", ...(baseline === undefined ? [] : [`to ${baseline}`, "p (Holm)", "seeds"])],
    rows: levels.map(({ name }, i) => {
      const estimated = at(estimates, i);
      return [
        name,
        percent(estimated.mean),
        at(levels, i).runs.length < 2 ? EMPTY : SHARE.range(estimated.interval),
        ...(baseline === undefined ? [] : differenceCells(at(compared, i))),
      ];
    }),
  };
  const data = levels.map(({ name, runs }, i) => ({
    level: name,
    seeds: runs.length,
    ...at(estimates, i),
    against: at(compared, i),
  }));
  return { table, data, compared };
}

const average = (runs: readonly Measured[], value: (run: Measured) => number): number => mean(runs.map(value));

function otherTable(factor: string, levels: readonly Level[], valid: number): { table: Table; data: unknown } {
  const found = levels.map(({ name, runs }) => ({
    level: name,
    validRate: average(runs, ({ run }) => run.validRate),
    generated: average(runs, ({ run }) => at(run.curve, run.curve.length - 1).generated),
    gainPerIteration: average(runs, gainPerIteration),
    natural: average(runs, (run) => valueAt(run, "valid", valid, naturalOneTerm)),
    score: average(runs, (run) => columnAt(run, "score", "valid", valid)),
  }));
  return {
    table: {
      title: "How the runs went",
      head: [factor, "valid", "generated", "gain an iteration", "natural mix", "S at the end"],
      rows: found.map((row) => [
        row.level,
        percent(row.validRate, 0),
        count(row.generated),
        points(row.gainPerIteration),
        percent(row.natural),
        row.score.toFixed(2),
      ]),
    },
    data: found,
  };
}

/** A number alone says nothing in a sentence: "β 8", but "uniform". */
const label = (factor: string, level: string): string => (/^[\d.]/.test(level) ? `${factor} ${level}` : level);

function sentenceOf(
  name: string,
  axis: Axis,
  found: Against | null,
  baseline: string,
  isCorrected: boolean,
): string | null {
  if (found === null) return null;
  const size = `${points(found.mean)} points per ${axis} sample`;
  if (found.pairs < SEEDS_FOR_A_CLAIM) return `${name}: ${size} against ${baseline}, ${seedsSaid(found.pairs)}`;
  const sure = found.pHolm !== null && found.pHolm < 0.05;
  const more =
    sure || found.seedsNeeded === null
      ? ""
      : `; ${isCorrected ? "without the correction " : ""}one of this size would take ${found.seedsNeeded} seeds`;
  const verdict = sure ? (found.mean > 0 ? "better than" : "worse than") : "no clear difference to";
  return `${name}: ${verdict} ${baseline}, ${size} (${probability(found.pHolm)}${more})`;
}

function outcome({ experiment, runs }: Context): Outcome {
  const [factor = "level"] = Object.keys(experiment.factors);
  const all = [...grouped(runs, ({ name }) => name)].map(([name, group]): Level => ({ name, runs: group }));
  return compareLevels(factor, all, runs, experiment);
}

/** It needs only the curves. */
export const levels: Analysis = { measures: null, outcome };

export function compareLevels(
  factor: string,
  all: readonly Level[],
  runs: readonly Measured[],
  { baseline }: Pick<Experiment, "baseline">,
): Outcome {
  const [valid, generated] = [commonBudget(runs, "valid"), commonBudget(runs, "generated")];
  const perValid = accuracyTable(factor, all, "valid", valid, baseline);
  const perGenerated = accuracyTable(factor, all, "generated", generated, baseline);
  const other = otherTable(factor, all, valid);
  const isCorrected = perValid.compared.filter((found) => found !== null).length > 1;
  const sentences = all.flatMap(({ name }, i) => {
    if (baseline === undefined) return [];
    return (
      sentenceOf(label(factor, name), "valid", at(perValid.compared, i), label(factor, baseline), isCorrected) ?? []
    );
  });
  return {
    headline: headline(factor, all, perValid.compared, perValid.data, valid, baseline),
    sentences,
    tables: [perValid.table, perGenerated.table, other.table],
    data: {
      valid: { samples: valid, levels: perValid.data },
      generated: { samples: generated, levels: perGenerated.data },
      runs: other.data,
    },
  };
}

/** Which levels differ clearly from the baseline, and the range of all; of too few seeds the range alone. */
function headline(
  factor: string,
  all: readonly Level[],
  compared: readonly (Against | null)[],
  data: readonly { readonly mean: number }[],
  valid: number,
  baseline: string | undefined,
): string {
  const seeds = at(all, 0).runs.length;
  const clear = all.flatMap(({ name }, i) => {
    const found = at(compared, i);
    if (found === null || found.pHolm === null || found.pHolm >= 0.05) return [];
    return [`${label(factor, name)} ${points(found.mean)} (${probability(found.pHolm)})`];
  });
  const means = data.map(({ mean: value }) => value);
  const range = `${percent(Math.min(...means))} to ${percent(Math.max(...means))} after ${count(valid)} valid samples, ${seedsSaid(seeds)}`;
  if (baseline === undefined || seeds < SEEDS_FOR_A_CLAIM) return range;
  return clear.length === 0
    ? `no level differs clearly from ${label(factor, baseline)} (${range})`
    : `against ${label(factor, baseline)}: ${clear.join(", ")}; ${range}`;
}
