/** @file Makes summary.json again from a comparison's runs. */

import path from "node:path";
import { InputError } from "../errors.js";
import { writeDurably } from "../files/durable-file.js";
import { readBytesIfAny, readRunConfig, readSummary } from "../run-format/readers.js";
import type { Summary } from "../run-format/summary.js";
import { finishedRuns, inOrder } from "./html/contents.js";
import { type Comparison, summarize } from "./summary.js";

export function writeSummary(folder: string, summary: Summary): void {
  const file = path.join(folder, "summary.json");
  writeDurably(file, `${JSON.stringify(summary, null, 2)}\n`);
}

/** What was compared where no summary tells it: the comparison's own config.json, else that of its first run. */
async function described(
  folder: string,
  firstRun: string,
): Promise<Pick<Comparison, "config" | "machine" | "commit" | "languageVersion">> {
  const isRecorded = (await readBytesIfAny(path.join(folder, "config.json"))) !== null;
  const { configuration, machine, commit } = await readRunConfig(isRecorded ? folder : firstRun);
  const { languageVersion } = await readRunConfig(firstRun);
  return { config: configuration, machine, commit, languageVersion };
}

/**
 * Reads the curves of all runs <arm>-<seed> and summarizes them again. Configuration, machine, commit and the order
 * of the arms come from the old summary if there is one. Unfinished runs are named and left out. Null for a folder that
 * is not a comparison's.
 * @throws InputError where no run has finished
 */
export async function rebuildSummary(folder: string): Promise<Summary | null> {
  const compared = await finishedRuns(folder);
  if (compared === null) return null;
  const { runs, unfinished } = compared;
  const first = [...runs.values()][0]?.[0];
  if (first === undefined) {
    throw new InputError(
      `${folder}: none of its ${unfinished.length} runs has finished yet; rls3 compare --resume ${folder} continues with them`,
    );
  }
  const old = await readSummary(folder);
  const known = Object.keys(old?.arms ?? {}).filter((name) => runs.has(name));
  const names = [...known, ...inOrder(runs.keys()).filter((name) => !known.includes(name))];
  const ordered = [...runs].sort(([a], [b]) => names.indexOf(a) - names.indexOf(b));
  const arms = Object.fromEntries(ordered.map(([name, seeds]) => [name, seeds.map((run) => run.curve)]));
  const seeds = [...new Set([...runs.values()].flatMap((all) => all.map(({ seed }) => seed)))].sort((a, b) => a - b);
  const { config, machine, commit, languageVersion } = old ?? (await described(folder, first.folder));
  const summary = summarize({ arms, config, machine, commit, languageVersion, seeds, unfinished });
  writeSummary(folder, summary);
  return summary;
}
