/**
 * @file A planted weakness: does a generator find what the model has never seen, and how much sooner is it repaired?
 */

import { median } from "d3-array";
import { z } from "zod";
import { at } from "../../../trainer/at.js";
import { mean } from "../../../trainer/mean.js";
import { count, decimal, percent, points, probability } from "../../../trainer/report/format.js";
import { shareToReach } from "../../../trainer/report/summary.js";
import { readSamples } from "../../../trainer/run-format/readers.js";
import type { Axis } from "../../../trainer/run-format/summary.js";
import type { Cell } from "../cells.js";
import { columnAt, commonBudget, difference, type Measured, paired } from "../measures.js";
import type { Outcome, Table } from "../outcome.js";
import type { Analysis, Context } from "./analysis.js";
import { armsTable, compareArms, ofLevel, type Quantity, type Row } from "./arms.js";

/** What a model that saw everything on the floor has never seen. */
const VERTICAL = ["above", "below"] as const;
const HORIZONTAL = ["right", "left", "behind", "inFront"] as const;
type TermName = (typeof VERTICAL)[number] | (typeof HORIZONTAL)[number];

const accuracyOf = (run: Measured, terms: readonly TermName[], axis: Axis, samples: number): number =>
  mean(terms.map((term) => columnAt(run, `accuracy_${term}`, axis, samples)));

const quantities = (axis: Axis, samples: number): Quantity[] => [
  { name: "above, below", value: (run) => accuracyOf(run, VERTICAL, axis, samples) },
  { name: "the other four", value: (run) => accuracyOf(run, HORIZONTAL, axis, samples) },
];

const schema = z.strictObject({
  /** Share of valid samples with the moved object above the floor. */
  raised: z.number(),
});

/** A run, and the share of raised objects among its samples. */
type Watched = Measured & z.infer<typeof schema>;

async function take({ folder }: Cell): Promise<z.infer<typeof schema>> {
  const shards = await readSamples(folder);
  const samples = shards.flatMap((shard) => shard.samples);
  const raised = samples.filter(({ objects, slot }) => at(at(objects, slot), 2) > 0);
  return { raised: raised.length / Math.max(1, samples.length) };
}

/** Share of above and below among all terms of moved objects' pairs. */
function verticalShare({ rows }: Measured): number {
  const last = at(rows, rows.length - 1);
  const total = (terms: readonly TermName[]): number =>
    terms.reduce((sum, term) => sum + (last[`samples_${term}`] ?? 0), 0);
  return total(VERTICAL) / Math.max(1, total([...VERTICAL, ...HORIZONTAL]));
}

/**
 * Samples that RLS3 needed to reach random's final accuracy on above and below, as a share of random's; null where it
 * never does.
 */
function sooner(a: Measured, b: Measured, axis: Axis): number | null {
  const curve = ({ rows }: Measured) =>
    rows.flatMap((row) => {
      const samples = row[axis];
      const values = VERTICAL.map((term) => row[`accuracy_${term}`]);
      // An iteration without an evaluation is not a point of the curve.
      return samples === null || !values.every((value) => value !== null) ? [] : [{ x: samples, y: mean(values) }];
    });
  return shareToReach(curve(a), curve(b));
}

interface Base {
  readonly name: string;
  readonly perValid: readonly Row[];
  readonly perGenerated: readonly Row[];
  readonly shares: Readonly<Record<string, { readonly raised: number; readonly vertical: number }>>;
  readonly sooner: Readonly<Record<Axis, readonly (number | null)[]>>;
}

function outcome({ experiment, runs }: Context): Outcome {
  const all = runs.map((run): Watched => ({ ...run, ...schema.parse(run.measures) }));
  const budgets = { valid: commonBudget(runs, "valid"), generated: commonBudget(runs, "generated") };
  const bases = (experiment.levels.get("base") ?? []).map((name): Base => {
    const ofBase = ofLevel(all, "base", name);
    const [a, b] = [ofLevel(ofBase, "arm", "rls3"), ofLevel(ofBase, "arm", "random")];
    const pairs = paired(a, b, ({ seed }) => String(seed));
    const share = (arm: readonly Watched[]) => ({
      raised: mean(arm.map(({ raised }) => raised)),
      vertical: mean(arm.map(verticalShare)),
    });
    return {
      name,
      perValid: compareArms(a, b, quantities("valid", budgets.valid)),
      perGenerated: compareArms(a, b, quantities("generated", budgets.generated)),
      shares: { rls3: share(a), random: share(b) },
      sooner: {
        generated: pairs.map(([x, y]) => sooner(x, y, "generated")),
        valid: pairs.map(([x, y]) => sooner(x, y, "valid")),
      },
    };
  });
  const rls3 = ofLevel(all, "arm", "rls3");
  const [weak, normal] = [ofLevel(rls3, "base", "floor-only"), ofLevel(rls3, "base", "normal")];
  const goes = difference(
    paired(weak, normal, ({ seed }) => String(seed)).map(([x, y]) => [x.raised, y.raised] as const),
  );
  const [vertical] = bases.filter(({ name }) => name === "floor-only")[0]?.perValid ?? [];
  return {
    headline: `the planted weakness moves the share of objects that RLS3 puts on furniture by ${points(goes.mean)} points (${probability(goes.p)}); on above and below RLS3 is then ${points(vertical?.difference.mean ?? 0)} to random per valid sample (${probability(vertical?.pHolm ?? null)})`,
    sentences: bases.map(({ name, sooner: found }) => `${name} base: ${soonerSentence(found)}`),
    tables: [
      sharesTable(bases),
      ...bases.flatMap(({ name, perValid, perGenerated }) => [
        armsTable(`${name} base, after ${count(budgets.valid)} valid samples`, "terms", "rls3", "random", perValid),
        armsTable(`${name} base, after ${count(budgets.generated)} generated`, "terms", "rls3", "random", perGenerated),
      ]),
    ],
    data: { budgets, bases, goes },
  };
}

export const planted: Analysis = { measures: { schema, take }, outcome };

function soonerSentence(found: Base["sooner"]): string {
  const phrase = (axis: Axis): string => {
    const reached = found[axis].filter((share) => share !== null);
    if (reached.length === 0) return `of its ${axis} samples in no seed`;
    return `${decimal(median(reached) ?? null, 2)} of its ${axis} samples (median; reached in ${reached.length} of ${found[axis].length} seeds)`;
  };
  return `random's final accuracy on above and below is reached after ${phrase("generated")} and ${phrase("valid")}`;
}

const sharesTable = (bases: readonly Base[]): Table => ({
  title: "Where the generators go: shares of their valid samples",
  head: ["base, by", "object on furniture", "terms above, below"],
  rows: bases.flatMap(({ name, shares }) =>
    Object.entries(shares).map(([arm, { raised, vertical }]) => [
      `${name}, ${arm}`,
      percent(raised),
      percent(vertical),
    ]),
  ),
});
