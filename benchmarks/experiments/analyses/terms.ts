/** @file By term: how often each arm made it, and how accurate the model then is. */

import { at } from "../../../trainer/at.js";
import { mean } from "../../../trainer/mean.js";
import { count, percent, points, probability } from "../../../trainer/report/format.js";
import { SIGNIFICANCE } from "../../../trainer/report/statistics.js";
import { TERM_COLUMNS, TERM_NAMES } from "../../../trainer/run-format/columns.js";
import type { Axis } from "../../../trainer/run-format/summary.js";
import { columnAt, commonBudget, type Measured } from "../measures.js";
import type { Outcome, Table } from "../outcome.js";
import type { Analysis, Context } from "./analysis.js";
import { armsTable, compareArms, ofLevel, type Quantity, type Row } from "./arms.js";

const accuracies = (axis: Axis, samples: number): Quantity[] =>
  TERM_NAMES.map((term) => ({
    name: TERM_COLUMNS[term],
    value: (run) => columnAt(run, `accuracy_${term}`, axis, samples),
  }));

/** Cumulative counts, and each as a share of all terms. */
function counts(runs: readonly Measured[], samples: number) {
  const numbers = TERM_NAMES.map((term) => mean(runs.map((run) => columnAt(run, `samples_${term}`, "valid", samples))));
  const total = numbers.reduce((sum, number) => sum + number, 0);
  return numbers.map((number) => ({ count: number, share: number / Math.max(1, total) }));
}

function outcome({ runs }: Context): Outcome {
  const [a, b] = [ofLevel(runs, "arm", "rls3"), ofLevel(runs, "arm", "random")];
  const [valid, generated] = [commonBudget(runs, "valid"), commonBudget(runs, "generated")];
  const perValid = compareArms(a, b, accuracies("valid", valid));
  const perGenerated = compareArms(a, b, accuracies("generated", generated));
  const [ofA, ofB] = [counts(a, valid), counts(b, valid)];
  const made: Table = {
    title: `How often a term was true of a moved object's pair, in ${count(valid)} valid samples`,
    head: ["term", "rls3", "share", "random", "share", "ratio"],
    rows: TERM_NAMES.map((term, i) => {
      const [inA, inB] = [at(ofA, i), at(ofB, i)];
      return [
        TERM_COLUMNS[term],
        count(inA.count),
        percent(inA.share),
        count(inB.count),
        percent(inB.share),
        (inA.count / Math.max(1, inB.count)).toFixed(2),
      ];
    }),
  };
  return {
    headline: headlineOf(perValid),
    sentences: [],
    tables: [
      armsTable(`Accuracy of each term after ${count(valid)} valid samples`, "term", "rls3", "random", perValid),
      armsTable(`The same after ${count(generated)} generated samples`, "term", "rls3", "random", perGenerated),
      made,
    ],
    data: {
      valid: { samples: valid, terms: perValid },
      generated: { samples: generated, terms: perGenerated },
      counts: { rls3: ofA, random: ofB },
    },
  };
}

/** The terms that differ clearly from random sampling; terms are not tested against each other. */
function headlineOf(rows: readonly Row[]): string {
  const gains = [...rows].sort((x, y) => y.difference.mean - x.difference.mean);
  const phrase = ({ name, difference, pHolm }: Row): string =>
    `"${name}" ${points(difference.mean)} (${probability(pHolm)})`;
  const clear = gains.filter(({ pHolm }) => pHolm !== null && pHolm < SIGNIFICANCE);
  const [most, least] = [at(gains, 0), at(gains, gains.length - 1)];
  return clear.length === 0
    ? `per valid sample RLS3 differs clearly from random sampling on no term: ${phrase(most)} to ${phrase(least)}`
    : `per valid sample RLS3 differs clearly from random sampling on ${clear.length} of ${rows.length} terms: ${clear.map(phrase).join(", ")}`;
}

/** It needs only the curves. */
export const terms: Analysis = { measures: null, outcome };
