/** @file Made-up sweeps for the report's tests: a plan, a table and metrics out of formulas. Nothing here is a result. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "csv-stringify/sync";
import { mean } from "../../trainer/mean.js";
import { Random } from "../../trainer/random/random.js";
import { along, interpolate } from "../../trainer/report/summary.js";
import { METRIC_COLUMNS } from "../../trainer/run-format/columns.js";
import { seedRun } from "../../trainer/run-format/readers.js";
import type { SeedRun } from "../../trainer/run-format/summary.js";
import { OUTCOME_COLUMNS, tableColumns } from "../../trainer/sweep/table.js";
import { fixtureMetrics } from "./fixture.js";

export interface MadeUpCell {
  readonly name: string;
  readonly variant: string | null;
  readonly configuration: Readonly<Record<string, unknown>> & { readonly seed: number };
}

export interface MadeUpSweep {
  readonly varied: readonly ("extrinsicWeight" | "samplingRate" | "agent" | "episodesPerIteration")[];
  readonly cells: readonly MadeUpCell[];
  /** How much faster a cell learns than others: speed and valid rate. */
  readonly speed: (cell: MadeUpCell) => number;
  /** Names of cells that have not finished. */
  readonly missing?: readonly string[];
  readonly iterations?: number;
  readonly reference?: Readonly<Record<string, unknown>>;
}

/** β × η at the given levels, seed by seed, as the plan has them. */
export const gridCells = (betas: readonly number[], etas: readonly number[], seeds: readonly number[]): MadeUpCell[] =>
  seeds.flatMap((seed) =>
    betas.flatMap((beta) =>
      etas.map((eta) => ({
        name: `beta=${beta}_eta=${eta}-${seed}`,
        variant: null,
        configuration: { extrinsicWeight: beta, samplingRate: eta, seed },
      })),
    ),
  );

/** sweep.json, sweep.csv and cells/NAME/metrics.csv, as `rls3 sweep` leaves them. */
export async function writeSweep(
  folder: string,
  { varied, cells, speed, missing = [], iterations = 6, reference = {} }: MadeUpSweep,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const plan = {
    schema: 1,
    command: "rls3 sweep --made-up '<fixture>'",
    varied,
    reference,
    versions: { rls3: "0.0.0" },
    machine: "no machine: made-up numbers for a test",
    commit: "0000000",
    cells: cells.map((cell) => ({ ...cell, shared: "shared" })),
  };
  await writeFile(path.join(folder, "sweep.json"), JSON.stringify(plan));
  const runs: { cell: MadeUpCell; run: SeedRun }[] = [];
  for (const cell of cells.filter(({ name }) => !missing.includes(name))) {
    const { seed } = cell.configuration;
    const arm = { name: cell.name, speed: speed(cell), validRate: 0.5 + 0.4 * speed(cell) };
    const metrics = fixtureMetrics(arm, seed, iterations);
    await mkdir(path.join(folder, "cells", cell.name), { recursive: true });
    const text = stringify(metrics, { header: true, columns: [...METRIC_COLUMNS] });
    await writeFile(path.join(folder, "cells", cell.name, "metrics.csv"), text);
    runs.push({ cell, run: seedRun(seed, metrics) });
  }
  const least = (axis: "valid" | "generated") => Math.min(...runs.map(({ run }) => run.curve.at(-1)?.[axis] ?? 0));
  const common = { valid: least("valid"), generated: least("generated") };
  const named = cells.some(({ variant }) => variant !== null);
  const rows = runs.map(({ cell, run }) => {
    const accuracy = run.curve.map((point) => point.accuracy.oneTerm);
    const end = mean(accuracy.slice(-3));
    const outcome: Readonly<Record<string, number>> = {
      iterations,
      validRate: run.validRate,
      accuracyOneTerm: end,
      accuracyOneTermAtValid: interpolate(along(run, "valid"), common.valid),
      accuracyOneTermAtGenerated: interpolate(along(run, "generated"), common.generated),
      gainPerIteration: (end - (accuracy[0] ?? 0)) / iterations,
    };
    return [
      ...(named ? [cell.variant] : []),
      ...varied.map((key) => cell.configuration[key]),
      cell.configuration.seed,
      ...OUTCOME_COLUMNS.map((column) => outcome[column] ?? ""),
      common.valid,
      common.generated,
      cell.name,
      `rls3 train --made-up ${cell.name}`,
    ];
  });
  await writeFile(path.join(folder, "sweep.csv"), stringify([tableColumns(varied, named), ...rows]));
}

/** A little noise of a cell's own, so that no two differences are equal. */
export const noise = ({ name, configuration: { seed } }: MadeUpCell, size = 0.02): number =>
  size * Random.stream(seed, "sweep fixture", name).normal();
