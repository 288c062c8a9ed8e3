/** @file Compares the natural mix of relations, as in random placements, with the test set balanced over relations. */
import { at } from "../../../trainer/at.js";
import { count, points, probability } from "../../../trainer/report/format.js";
import type { Axis } from "../../../trainer/run-format/summary.js";
import { commonBudget, fullFlip, naturalFull, naturalOneTerm, oneTerm, valueAt } from "../measures.js";
import type { Outcome } from "../outcome.js";
import type { Analysis, Context } from "./analysis.js";
import { armsTable, compareArms, ofLevel, type Quantity, type Row } from "./arms.js";

const quantities = (axis: Axis, samples: number): Quantity[] =>
  [
    { name: "balanced, one term", what: oneTerm },
    { name: "natural, one term", what: naturalOneTerm },
    { name: "balanced, full flip", what: fullFlip },
    { name: "natural, full flip", what: naturalFull },
  ].map(({ name, what }) => ({ name, value: (run) => valueAt(run, axis, samples, what) }));

const phrase = (row: Row): string => `${points(row.difference.mean)} (${probability(row.pHolm)})`;

function outcome({ runs }: Context): Outcome {
  const [a, b] = [ofLevel(runs, "arm", "rls3"), ofLevel(runs, "arm", "random")];
  const budgets = { valid: commonBudget(runs, "valid"), generated: commonBudget(runs, "generated") };
  const rows = {
    valid: compareArms(a, b, quantities("valid", budgets.valid)),
    generated: compareArms(a, b, quantities("generated", budgets.generated)),
  };
  return {
    headline: `on the natural mix RLS3 against random: ${phrase(at(rows.valid, 1))} per valid sample, ${phrase(at(rows.generated, 1))} per generated sample; on the balanced set ${phrase(at(rows.valid, 0))} and ${phrase(at(rows.generated, 0))}`,
    sentences: [],
    tables: [
      armsTable(`After ${count(budgets.valid)} valid samples`, "test set", "rls3", "random", rows.valid),
      armsTable(`After ${count(budgets.generated)} generated samples`, "test set", "rls3", "random", rows.generated),
    ],
    data: { budgets, ...rows },
  };
}

/** It needs only the curves. */
export const natural: Analysis = { measures: null, outcome };
