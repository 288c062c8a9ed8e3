/** @file The sentences about a sweep, for the report and the terminal alike. */
import { greatest } from "d3-array";
import { at } from "../../at.js";
import { POINTS } from "../charts/quantities.js";
import { capital, count, decimal, percent, plural, points, probability } from "../format.js";
import { SIGNIFICANCE } from "../statistics.js";
import { powerSentence, seedsSaid } from "../verdicts.js";
import { type Factor, isNamed, levelName } from "./design.js";
import type { Contrast, LevelEffect } from "./effects.js";
import { MAIN, MAIN_MEASURE } from "./measures.js";
import type { Combination, SweepSummary } from "./summary.js";

const NAMED_CELLS = 6;

/** A level's test against its factor's reference. */
export interface Tested {
  readonly factor: Factor;
  readonly level: string;
  readonly contrast: Contrast;
}

/** All tests of the main measure, in the order of factors and levels. */
export const mainTests = ({ factors, effects }: SweepSummary): Tested[] =>
  factors.flatMap((factor, i) =>
    at(effects[MAIN_MEASURE], i).flatMap(({ level, contrast }) =>
      contrast === null ? [] : [{ factor, level, contrast }],
    ),
  );

export const isSignificant = ({ pHolm }: Contrast): boolean => pHolm !== null && pHolm < SIGNIFICANCE;

/** At the start of a sentence; the paper's symbols stay as they are. */
export const levelTitle = (factor: Factor, level: string): string =>
  isNamed(factor) ? capital(level) : levelName(factor, level);

/** The significant test with the largest difference, else the largest difference; null if nothing could be compared. */
export function strongest(summary: SweepSummary): Tested | null {
  const tests = mainTests(summary);
  const size = ({ contrast }: Tested): number => Math.abs(contrast.difference);
  return (
    greatest(
      tests.filter(({ contrast }) => isSignificant(contrast)),
      size,
    ) ??
    greatest(tests, size) ??
    null
  );
}

/** The largest number of seeds in a test. */
export const seedsTested = (summary: SweepSummary): number =>
  Math.max(0, ...mainTests(summary).map(({ contrast }) => contrast.seeds));

/** The names of the varied settings. */
export const factorNames = ({ design, factors, varied }: SweepSummary): string =>
  (design === "grid" ? factors.map(({ name }) => name) : varied).join(", ");

/** In the order in which they are shown: levels of a setting as they are, combinations from the highest on. */
export function inOrderShown({ design }: SweepSummary, effects: readonly LevelEffect[]): readonly LevelEffect[] {
  if (design === "grid") return effects;
  return [...effects].sort((a, b) => (b.marginal?.mean ?? -1) - (a.marginal?.mean ?? -1));
}

/** What the headline is about: the main measure. */
const METRIC = "one-term accuracy at equal valid samples";

/** One sentence without its full stop: what differed, that nothing did, or that it is unknown. */
export function sweepHeadline(summary: SweepSummary): string {
  const tests = mainTests(summary);
  const found = strongest(summary);
  if (summary.varied.length === 0) return "The sweep repeats one setting over its seeds: there is nothing to compare";
  if (found === null) return `The sweep over ${factorNames(summary)} has no two levels to compare yet`;
  const seeds = seedsTested(summary);
  if (seeds < 2) return `One seed of each cell of ${factorNames(summary)}: no difference can be tested`;
  const evidence = ` (${seedsSaid(seeds)})`;
  const { factor, level, contrast } = found;
  if (!isSignificant(contrast)) {
    const [one, other] = summary.design === "grid" ? ["level", "its reference"] : ["combination", "the first"];
    return `No ${one} of ${factorNames(summary)} differs significantly from ${other} in ${METRIC}${evidence}`;
  }
  const higher = contrast.difference > 0 ? "higher" : "lower";
  const others = tests.filter(({ contrast: other }) => isSignificant(other)).length - 1;
  const more = others === 0 ? "" : `, and ${others} more of ${tests.length} levels differ from their reference`;
  return `${levelTitle(factor, level)} has ${higher} ${METRIC} than ${levelName(factor, factor.reference)}${more}${evidence}`;
}

/** The numbers behind the headline, and how many seeds it takes to find such a difference. */
export function strongestSentence(summary: SweepSummary): string | null {
  const found = strongest(summary);
  if (found === null) return null;
  const { factor, level, contrast } = found;
  const { difference, interval, p, pHolm, pPermutation, seeds } = contrast;
  const against = `${levelName(factor, level)} against ${levelName(factor, factor.reference)}`;
  const measured = `${MAIN.title(summary.common)}, ${against}: ${points(difference)} points`;
  if (interval === null || p === null) return `${measured}, from one seed, so nothing can be tested.`;
  const tests = [`paired t-test ${probability(p)}`];
  const family = mainTests(summary).length;
  if (family > 1) tests.push(`after Holm's correction for ${family} tests ${probability(pHolm)}`);
  if (pPermutation !== undefined) tests.push(`permutation test ${probability(pPermutation)}`);
  const power = powerSentence({ power: contrast.power, seeds });
  return `${measured} (${POINTS.range(interval)}); ${tests.join(", ")}.${power === null ? "" : ` ${power}`}`;
}

/** The combination with the highest mean, among those with at least half of the seeds; null if none has finished. */
export function best({ combinations }: SweepSummary): Combination | null {
  const most = Math.max(0, ...combinations.map(({ seeds }) => seeds));
  const eligible = combinations.filter(({ seeds, means }) => 2 * seeds >= most && means[MAIN_MEASURE] !== null);
  return greatest(eligible, ({ means }) => means[MAIN_MEASURE] ?? Number.NaN) ?? null;
}

export const combinationName = ({ factors }: Pick<SweepSummary, "factors">, levels: readonly string[]): string =>
  factors.map((factor, i) => levelName(factor, at(levels, i))).join(", ") || "the one setting";

export function bestSentence(summary: SweepSummary): string | null {
  const top = best(summary);
  if (top === null) return null;
  const among = summary.combinations.filter(({ seeds }) => seeds > 0).length;
  const caution = among > 2 ? ` The highest of ${among} is likely to be too high by chance.` : "";
  const seeds = top.seeds < top.planned ? `${top.seeds} of ${top.planned} seeds` : plural(top.seeds, "seed");
  return `Highest: ${combinationName(summary, top.levels)} with ${percent(top.means[MAIN_MEASURE])} (${seeds}).${caution}`;
}

/** The cells that are not in the numbers; null if all are. */
export function missingSentence({ finished, missing }: SweepSummary): string | null {
  if (missing.length === 0) return null;
  const named = missing.slice(0, NAMED_CELLS).map(({ name }) => name);
  const more = missing.length > named.length ? ` and ${count(missing.length - named.length)} more` : "";
  return `${count(missing.length)} of ${count(missing.length + finished.length)} cells have not finished and are not counted: ${named.join(", ")}${more}. The same rls3 sweep command continues with them.`;
}

/** The trend of the main measure with each number, for a sweep without a grid; null for a grid. */
export function trendSentence({ trends }: SweepSummary): string | null {
  if (trends.length === 0) return null;
  const correlations = trends.map(({ setting, correlation }) => `${setting} ${decimal(correlation, 2)}`).join(", ");
  return `Rank correlation with accuracy over all finished cells: ${correlations}.`;
}

/** The parts of the main measure's variance; null if no seed's grid is complete. */
export function varianceSentence({ variance }: SweepSummary): string | null {
  const found = variance[MAIN_MEASURE];
  if (found === null) return null;
  const shares = found.sources.map(({ source, share }) => `${source} ${percent(share, 0)}`).join(", ");
  return `Variance between cells (${plural(found.seeds, "seed")} with a complete grid): ${shares}.`;
}
