/**
 * @file Failure signatures, watched in every run, each with its remedy: the paper's, and one for models that answer.
 */
import { TERM_COLUMNS, TERM_NAMES } from "../run-format/columns.js";

/** A row of metrics, by column. */
export type Row = Readonly<Record<string, number | null>>;

interface Signature {
  readonly name: string;
  /** What these rows show (the run so far, row 0 first), or null. */
  readonly seen: (rows: readonly Row[]) => string | null;
  readonly remedy: string;
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
const value = (row: Row | undefined, column: string): number | null => row?.[column] ?? null;

/** About half of random placements are valid: an agent below that has not learned feasibility. */
const INVALID_BELOW = 0.5;
/** Less than a point of accuracy in the first four iterations is a plateau, not progress. */
const PLATEAU_ITERATIONS = 4;
const PLATEAU_GAIN = 0.01;
/** With equal shares, each of the six terms would have a sixth. */
const RARE_TERM = 0.03;
const SPIKE = 2;
/**
 * A model that has learned to answer nearly always names a relation. Above this share, the rubric punishes its wording.
 */
const UNPARSED_ABOVE = 0.1;

export const SIGNATURES: readonly Signature[] = [
  {
    name: "many invalid placements",
    seen: (rows) => {
      const rate = value(rows.at(-1), "validRate");
      return rate !== null && rate < INVALID_BELOW ? `only ${percent(rate)} of the placements are valid` : null;
    },
    remedy: "pre-train longer (--feasibility-steps, --feasibility-updates), or narrow the catalog's placementRange",
  },
  {
    name: "immediate plateau",
    seen: (rows) => {
      if (rows.length !== PLATEAU_ITERATIONS + 1) return null;
      const accuracies = rows.map((row) => value(row, "accuracyOneTerm"));
      const [first, ...later] = accuracies;
      if (first === null || first === undefined) return null;
      const gain = Math.max(...later.map((accuracy) => accuracy ?? 0)) - first;
      return gain < PLATEAU_GAIN ? `no better after ${PLATEAU_ITERATIONS} iterations (${gain.toFixed(3)})` : null;
    },
    remedy: "check the policy's entropy (--kl-budget, --proposals) and lower --beta, or raise --learning-rate",
  },
  {
    name: "term imbalance",
    seen: (rows) => {
      const counts = TERM_NAMES.map((term) => value(rows.at(-1), `samples_${term}`) ?? 0);
      const total = counts.reduce((sum, count) => sum + count, 0);
      const rarest = Math.min(...counts);
      if (total === 0 || rarest / total >= RARE_TERM) return null;
      const term = TERM_NAMES[counts.indexOf(rarest)];
      return `"${term === undefined ? "" : TERM_COLUMNS[term]}" is ${percent(rarest / total)} of the terms in the samples`;
    },
    remedy: "change the layouts (furniture at other heights and depths in the catalog), or the thresholds of the terms",
  },
  {
    name: "loss spike",
    seen: (rows) => {
      const losses = rows.flatMap((row) => value(row, "fineTuneLoss") ?? []);
      const last = losses.pop();
      if (last === undefined || losses.length < 2) return null;
      const usual = [...losses].sort((a, b) => a - b)[Math.floor(losses.length / 2)] ?? last;
      return last > SPIKE * usual ? `the fine-tuning loss went from ${usual.toFixed(3)} to ${last.toFixed(3)}` : null;
    },
    remedy: "raise --E, or lower --eta or --learning-rate",
  },
  {
    name: "answers without a relation",
    seen: (rows) => {
      const share = value(rows.at(-1), "unparsed");
      return share !== null && share > UNPARSED_ABOVE ? `${percent(share)} of the model's answers say none` : null;
    },
    remedy: "lower --eta or --learning-rate, fine-tune with --objective answer, or ask in other words (--prompt)",
  },
];

/** One line for each signature that appears with the last row. */
export function newSignatures(rows: readonly Row[], agent: string): string[] {
  return SIGNATURES.flatMap(({ name, seen, remedy }) => {
    if (agent === "random" && name === "many invalid placements") return [];
    const now = seen(rows);
    return now === null || seen(rows.slice(0, -1)) !== null ? [] : [`${name}: ${now}; remedy: ${remedy}`];
  });
}
