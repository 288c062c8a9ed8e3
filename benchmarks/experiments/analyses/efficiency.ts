/**
 * @file Compares arms like `rls3 compare`: every pair at equal budgets, and the samples that one arm needs to reach the
 * other's final accuracy.
 */
import { median } from "d3-array";
import { count, decimal, points, probability } from "../../../trainer/report/format.js";
import { summarize } from "../../../trainer/report/summary.js";
import type { Pair, SamplesToReach, SeedRun } from "../../../trainer/run-format/summary.js";
import { grouped } from "../measures.js";
import type { Outcome, Table } from "../outcome.js";
import type { Analysis, Context } from "./analysis.js";
import { compareLevels } from "./levels.js";

function outcome({ experiment, runs }: Context): Outcome {
  const [factor = "arm"] = Object.keys(experiment.factors);
  const groups = grouped(runs, ({ name }) => name);
  const levels = [...groups].map(([name, group]) => ({ name, runs: group }));
  const outcome = compareLevels(factor, levels, runs, experiment);
  const arms: Record<string, readonly SeedRun[]> = Object.fromEntries(
    [...groups].map(([name, group]) => [name, group.map(({ run }) => run)]),
  );
  const seeds = [...new Set(runs.map(({ cell }) => cell.seed))];
  const { pairs } = summarize({ arms, config: {}, machine: "", commit: "", seeds });
  const main = pairs["rls3-random"];
  return {
    ...outcome,
    headline: main === undefined ? outcome.headline : headlineOf(main, seeds.length),
    tables: [...outcome.tables.slice(0, 2), pairsTable(pairs), reachTable(pairs), ...outcome.tables.slice(2)],
    data: { ...outcome.data, pairs },
  };
}

/** It needs only the curves. */
export const efficiency: Analysis = { measures: null, outcome };

const named = (pair: string): string => pair.replace("-", " to ");

const headlineOf = ({ accuracyAt }: Pair, seeds: number): string =>
  `RLS3 against random sampling, ${seeds} seed${seeds === 1 ? "" : "s"}: ${accuracyAt
    .map(({ axis, difference, p }) => `${points(difference)} points per ${axis} sample (${probability(p)})`)
    .join(", ")}`;

/** Each pair at the shorter of its two budgets, so that a slow arm does not shorten the comparison of others. */
const pairsTable = (pairs: Readonly<Record<string, Pair>>): Table => ({
  title: "Each pair, where the first of its runs ends: t-test, permutation test from 8 seeds on",
  head: ["pair", "after", "difference", "p", "perm.", "seeds"],
  rows: Object.entries(pairs).flatMap(([pair, { accuracyAt }]) =>
    accuracyAt.map(({ axis, samples, difference, p, pPermutation, wins, seeds }) => [
      named(pair),
      `${count(samples)} ${axis}`,
      points(difference),
      probability(p),
      pPermutation === undefined ? "" : probability(pPermutation).replace(/^p.=./, ""),
      `${wins} of ${seeds}`,
    ]),
  ),
});

const reachCells = ({ perSeed }: SamplesToReach): string[] => {
  const reached = perSeed.filter((share) => share !== null);
  return [decimal(median(reached) ?? null, 2), `${reached.length} of ${perSeed.length}`];
};

const reachTable = (pairs: Readonly<Record<string, Pair>>): Table => ({
  title: "Samples to come to the second one's final accuracy, as a share of what that took",
  head: ["pair", "generated (median)", "reached", "valid (median)", "reached"],
  rows: Object.entries(pairs).map(([pair, { samplesToReach }]) => [
    named(pair),
    ...reachCells(samplesToReach.generated),
    ...reachCells(samplesToReach.valid),
  ]),
});
