/** @file The sentences about a comparison, for the report and the terminal alike. */

import { at } from "../at.js";
import { mean } from "../mean.js";
import {
  type AccuracyAt,
  AXES,
  type Interval,
  type Pair,
  type SeedRun,
  type Summary,
  type Verdict,
} from "../run-format/summary.js";
import { POINTS, type Quantity, SHARE } from "./charts/quantities.js";
import { armName, capital, count, decimal, percent, plural, points, probability } from "./format.js";

/** Below this many seeds nothing is claimed, whatever p says. */
export const SEEDS_FOR_A_CLAIM = 5;

export const seedsSaid = (seeds: number): string =>
  seeds < SEEDS_FOR_A_CLAIM ? `only ${plural(seeds, "seed")}: too few for a claim` : `${seeds} seeds`;

/** Below this many seeds an interquartile mean leaves nothing out, and is the mean. */
const SEEDS_TO_TRIM = 4;

export interface NamedPair {
  readonly key: string;
  readonly a: string;
  readonly b: string;
  readonly runsA: readonly SeedRun[];
  readonly runsB: readonly SeedRun[];
  readonly pair: Pair;
}

/** The pairs of a summary with their arms' names; names may hold a dash themselves. */
export function namedPairs(summary: Summary): NamedPair[] {
  const arms = Object.entries(summary.arms);
  return arms.flatMap(([a, runsA], i) =>
    arms.slice(i + 1).flatMap(([b, runsB]) => {
      const pair = summary.pairs[`${a}-${b}`];
      return pair === undefined ? [] : [{ key: `${a}-${b}`, a, b, runsA, runsB, pair }];
    }),
  );
}

/** The pair of the headline: the first arm against random if there is one, else the first pair. */
export function mainPair(summary: Summary): NamedPair | null {
  const pairs = namedPairs(summary);
  return pairs.find(({ b }) => b === "random") ?? pairs[0] ?? null;
}

/** What is not in the numbers: runs that have not finished, and arms without a common seed. */
export function missingSentences(summary: Summary): string[] {
  const { unfinished = [] } = summary;
  const finished = Object.values(summary.arms).reduce((sum, runs) => sum + runs.length, 0);
  const names = Object.keys(summary.arms);
  const compared = new Set(namedPairs(summary).map(({ key }) => key));
  const apart = names.flatMap((a, i) => names.slice(i + 1).flatMap((b) => (compared.has(`${a}-${b}`) ? [] : [[a, b]])));
  return [
    ...(unfinished.length === 0
      ? []
      : [
          `${count(unfinished.length)} of ${count(unfinished.length + finished)} runs have not finished and are not counted: ${unfinished.join(", ")}. rls3 compare --resume continues with them.`,
        ]),
    ...apart.map(
      (pair) => `${capital(pair.map(armName).join(" and "))} have no finished seed in common, and are not compared.`,
    ),
  ];
}

/** The metric of every verdict. */
const METRIC = "one-term accuracy";

const COMPARED: Readonly<Record<Verdict, string>> = {
  better: `has higher ${METRIC} than`,
  worse: `has lower ${METRIC} than`,
  "no difference": `does not differ significantly in ${METRIC} from`,
};

const BY_ITSELF: Readonly<Record<Verdict, string>> = {
  better: "it is higher",
  worse: "it is lower",
  "no difference": "the difference is not significant",
};

/** One sentence: has a the higher accuracy, per which kind of sample, with how many seeds, and is it significant. */
export function headline({ a, b, pair }: NamedPair): string {
  const [nameA, nameB] = [capital(armName(a)), armName(b)];
  const { generated, valid } = pair.verdict;
  const { seeds } = at(pair.accuracyAt, 0);
  if (seeds < 2) return `One seed of ${nameA} and ${nameB}: nothing can be said about a difference in ${METRIC}`;
  const tests = pair.accuracyAt.map(({ p }) => probability(p)).join(" and ");
  const evidence = `${seedsSaid(seeds)}; ${tests}`;
  if (generated === valid)
    return `${nameA} ${COMPARED[generated]} ${nameB}, per generated and per valid sample (${evidence})`;
  return `Per generated sample ${armName(a)} ${COMPARED[generated]} ${nameB}; per valid sample ${BY_ITSELF[valid]} (${evidence})`;
}

const notSignificant = (verdict: Verdict): string => (verdict === "no difference" ? ", not significant" : "");

/** A value with its interval in brackets. */
const within = (unit: Quantity, value: number, interval: Interval): string =>
  `${unit.value(value)} (${unit.range(interval)})`;

/** The numbers behind one axis of a verdict. One seed has no interval and no test. */
export function accuracySentence({ a, b, pair }: NamedPair, row: AccuracyAt): string {
  const [nameA, nameB] = [armName(a), armName(b)];
  const where = `${capital(METRIC)} after ${count(row.samples)} ${row.axis} samples`;
  if (row.seeds < 2) {
    const values = `${nameA} ${percent(row.a.mean)}, ${nameB} ${percent(row.b.mean)}`;
    return `${where}: ${values}, difference ${points(row.difference)} points; one seed, so nothing is tested.`;
  }
  const values = `${nameA} ${within(SHARE, row.a.mean, row.a.interval)}, ${nameB} ${within(SHARE, row.b.mean, row.b.interval)}`;
  const difference = `${points(row.difference)} points (${POINTS.range(row.differenceInterval)})`;
  const tests = [`paired t-test ${probability(row.p)}${notSignificant(pair.verdict[row.axis])}`];
  if (row.pPermutation !== undefined) tests.push(`permutation test ${probability(row.pPermutation)}`);
  if (row.pHolm !== undefined) tests.push(`after Holm's correction for all pairs ${probability(row.pHolm)}`);
  const wins = `${nameA} ahead in ${row.wins} of ${row.seeds} seeds`;
  return `${where}: ${values}, difference ${difference}; ${tests.join(", ")}; ${wins}.`;
}

/** The same with interquartile means, which one odd seed does not move; null for an older summary without them. */
export function interquartileSentence({ a, b }: NamedPair, { iqm, seeds }: AccuracyAt): string | null {
  if (iqm === undefined || seeds < SEEDS_TO_TRIM) return null;
  const arms = [
    `${armName(a)} ${within(SHARE, iqm.a.value, iqm.a.interval)}`,
    `${armName(b)} ${within(SHARE, iqm.b.value, iqm.b.interval)}`,
  ];
  const differences = within(POINTS, iqm.difference.value, iqm.difference.interval);
  return `Interquartile means over seeds: ${arms.join(", ")}, of the differences ${differences}.`;
}

/** How many seeds it takes to find a difference like this one; null if that is unknown, as with one seed. */
export function powerSentence({ power, seeds }: Pick<AccuracyAt, "power" | "seeds">): string | null {
  if (power === undefined || power === null) return null;
  const size = `${decimal(Math.abs(power.effect), 2)} standard deviations of the seeds' differences`;
  if (power.seedsNeeded === null) return "There is no difference, and so no number of seeds that would show one.";
  return (
    `A true difference of this size (${size}) is found at p < .05 in 80${"\u00a0"}% of comparisons with ` +
    `${count(power.seedsNeeded)} seeds; this one has ${seeds}.`
  );
}

/** Under this rise of b's curve the target is about where everybody starts, and how soon it is reached means nothing. */
const HARDLY_LEARNED = 0.02;

function learned(runs: readonly SeedRun[]): number {
  const rises = runs.map(({ curve }) => {
    const values = curve.map((point) => point.accuracy.oneTerm);
    return mean(values.slice(-3)) - at(values, 0);
  });
  return mean(rises);
}

/** How soon a reached b's final accuracy, on both axes. Whether it did is the same on both, because the curve is the same. */
export function reachSentence({ a, b, runsB, pair }: NamedPair): string {
  const [nameA, target] = [capital(armName(a)), `${armName(b)}'s final accuracy`];
  const { perSeed } = pair.samplesToReach.generated;
  const never = perSeed.filter((share) => share === null).length;
  const caution =
    learned(runsB) < HARDLY_LEARNED ? ` ${capital(armName(b))} hardly rose above its start, so this says little.` : "";
  if (never > 0) return `${nameA} did not reach ${target} in ${never} of ${perSeed.length} seeds.${caution}`;
  const shares = AXES.map((axis) => `${decimal(pair.samplesToReach[axis].ratio, 2)}\u00a0× as many ${axis} samples`);
  return `${nameA} reached ${target} with ${shares.join(" and ")}.${caution}`;
}

/** The arms' steps before their first generated sample; it belongs beside every figure over generated samples. */
export function feasibilityNote(arms: readonly { readonly name: string; readonly runs: readonly SeedRun[] }[]): string {
  const parts = arms.map(({ name, runs }) => {
    const steps = Math.max(0, ...runs.map((run) => run.feasibilitySteps));
    return `${name} ${steps === 0 ? "none" : count(steps)}`;
  });
  return `Feasibility steps before the first generated sample (no images, no model): ${parts.join(", ")}.`;
}
