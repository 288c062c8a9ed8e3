/** @file What the charts need of an arm, and means over its seeds. */
import { mean } from "../../mean.js";
import type { MetricColumn } from "../../run-format/columns.js";
import type { MetricsRow } from "../../run-format/readers.js";
import type { Arm as Drawn } from "../charts/curves.js";
import { armName } from "../format.js";
import type { Arm } from "./contents.js";

export const asDrawn = ({ name, colour, runs }: Arm): Drawn => ({
  name: armName(name),
  colour,
  runs: runs.map(({ metrics }) => metrics),
});

/** Mean over runs of a column in one row (negative: from the end); null where no run has it. */
export function meanAt(
  runs: readonly { readonly metrics: readonly MetricsRow[] }[],
  column: MetricColumn,
  row: number,
): number | null {
  const values = runs.flatMap(({ metrics }) => metrics.at(row)?.[column] ?? []);
  return values.length === 0 ? null : mean(values);
}
