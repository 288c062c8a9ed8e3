/** @file The result of a comparison in 80 columns: a table of the arms, and the statistics of the main pair. */

import { at } from "../at.js";
import { meanOrNull } from "../mean.js";
import type { SeedRun, Summary } from "../run-format/summary.js";
import { armName, count, percent, probability } from "./format.js";
import {
  accuracySentence,
  feasibilityNote,
  headline,
  interquartileSentence,
  mainPair,
  missingSentences,
  namedPairs,
  powerSentence,
  reachSentence,
} from "./verdicts.js";

const WIDTH = 80;

/** Breaks lines at spaces; only a word longer than a line exceeds it. */
export function wrap(text: string, indent = ""): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + line.length + 1 + word.length > WIDTH) {
      lines.push(indent + line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, indent + line].join("\n");
}

const lastOf = (run: SeedRun) => run.curve.at(-1);

function armRow(name: string, runs: readonly SeedRun[]): string[] {
  const ends = runs.flatMap((run) => lastOf(run) ?? []);
  return [
    name,
    count(meanOrNull(ends.map((point) => point.generated))),
    count(meanOrNull(ends.map((point) => point.valid))),
    percent(meanOrNull(runs.map((run) => run.validRate)), 0),
    percent(meanOrNull(ends.map((point) => point.accuracy.oneTerm))),
    percent(meanOrNull(ends.map((point) => point.accuracy.full))),
    percent(meanOrNull(ends.flatMap((point) => point.natural?.oneTerm ?? []))),
  ];
}

/** The first column to the left, numbers to the right. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = at(rows, 0).map((_, i) => Math.max(...rows.map((row) => at(row, i).length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(at(widths, i)) : cell.padStart(at(widths, i)))).join("  "),
    )
    .join("\n");
}

/** The final output of `rls3 compare`: plain text without colours or a final line feed. */
export function renderTerminal(summary: Summary): string {
  const rows = Object.entries(summary.arms).map(([name, runs]) => armRow(name, runs));
  const arms = Object.entries(summary.arms).map(([name, runs]) => ({ name: armName(name), runs }));
  const head = ["at the end", "generated", "valid", "rate", "one-term", "full flip", "natural"];
  const parts = [columns([head, ...rows]), wrap(feasibilityNote(arms))];
  const main = mainPair(summary);
  if (main !== null) {
    parts.unshift(wrap(`${headline(main)}.`));
    for (const row of main.pair.accuracyAt) {
      const sentences = [accuracySentence(main, row), interquartileSentence(main, row), powerSentence(row)];
      parts.push(wrap(sentences.filter((sentence) => sentence !== null).join(" ")));
    }
    parts.push(wrap(reachSentence(main)));
  }
  const others = namedPairs(summary).filter(({ key }) => key !== main?.key);
  for (const named of others) {
    const corrected = named.pair.accuracyAt
      .flatMap(({ axis, pHolm }) => (pHolm === undefined ? [] : [`${probability(pHolm)} per ${axis} sample`]))
      .join(", ");
    parts.push(
      wrap(`${headline(named)}${corrected && ` (after Holm's correction ${corrected})`}. ${reachSentence(named)}`),
    );
  }
  return [...parts, ...missingSentences(summary).map((sentence) => wrap(sentence))].join("\n\n");
}
