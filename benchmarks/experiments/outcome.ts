/**
 * @file The result of an analysis: tables and sentences for people, data for scripts. The terminal, the page and
 * summary.json use the same form.
 */

import { at } from "../../trainer/at.js";
import { wrap } from "../../trainer/report/terminal.js";
import type { Interval } from "../../trainer/run-format/summary.js";

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Outcome {
  /** Its line in the list of experiments. */
  readonly headline: string;
  readonly sentences: readonly string[];
  readonly tables: readonly Table[];
  /** The numbers behind them. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Pictures for the page, by file name. */
  readonly pictures?: ReadonlyMap<string, Uint8Array>;
}

/** A mean over seeds with its 95 % interval by Student's t. */
export interface Estimate {
  readonly mean: number;
  readonly interval: Interval;
}

/** The first column is aligned left, the others right, with two spaces in between. */
export function plainTable({ title, head, rows }: Table): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => at(row, column).length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(at(widths, 0)) : cell.padStart(at(widths, column))))
      .join("  ")
      .trimEnd();
  return [wrap(title), "", ...all.map(line)].join("\n");
}

const escaped = (cell: string): string => cell.replaceAll("|", "\\|").replaceAll("\u00a0", " ");

export function markdownTable({ title, head, rows }: Table): string {
  const line = (row: readonly string[]): string => `| ${row.map(escaped).join(" | ")} |`;
  return [
    `**${title}**`,
    "",
    line(head),
    `|${head.map((_, i) => (i === 0 ? "---|" : "--:|")).join("")}`,
    ...rows.map(line),
  ].join("\n");
}
