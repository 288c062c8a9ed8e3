/**
 * @file Collects results into benchmarks/results: finished experiments whole, or single cells before they are finished.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import path from "node:path";
import { shownPath } from "../../trainer/cli/run-folder.js";
import { InputError } from "../../trainer/errors.js";
import { writeDurably } from "../../trainer/files/durable-file.js";
import { LANGUAGE_VERSION } from "../../trainer/language/index.js";
import { LOCK_FILE } from "../../trainer/run-format/run-lock.js";
import { takeLock } from "../../trainer/runs/lock.js";
import { analysisNamed } from "./analyses/index.js";
import { cellFile, readCellFile, writeCellFile } from "./cell-files.js";
import { laterLevels } from "./definition.js";
import { readExperimentSummary, writeResults } from "./results.js";
import {
  type Chosen,
  commandOf,
  type Gathered,
  gather,
  judged,
  openSources,
  type Setting,
  type Sources,
} from "./sources.js";

/**
 * Copies the small form of a finished experiment at the full setting, each file whole or not at all; existing cells stay.
 * @throws InputError where the result that is there rests on more cells
 */
export function collectWhole(name: string, folder: string, results: string): string {
  const source = path.join(folder, name);
  const file = path.join(source, "summary.json");
  if (!existsSync(file)) {
    throw new InputError(
      `${shownPath(source)}: has no summary.json; run npm run experiment -- ${name}, or collect its finished runs with --partial`,
    );
  }
  const { setting, languageVersion } = readExperimentSummary(file);
  if (setting !== "full")
    throw new InputError(`${shownPath(source)}: is of the quick setting; its numbers say nothing`);
  if (languageVersion !== LANGUAGE_VERSION) {
    throw new InputError(
      `${shownPath(source)}: was made with version ${languageVersion} of the language, and this code has ${LANGUAGE_VERSION}, which asks a picture other questions; run npm run experiment -- ${name} in another --out`,
    );
  }
  const to = path.join(results, name);
  mkdirSync(to, { recursive: true });
  const lock = takeLock(to);
  try {
    const more = moreCells(to, readExperimentSummary(file).cells.finished);
    if (more !== null) {
      throw new InputError(
        `${shownPath(source)}: rests on fewer cells than the result in ${shownPath(to)} (${more}), which stays; finish the experiment, or remove that summary.json`,
      );
    }
    const files = readdirSync(source, { withFileTypes: true }).filter(
      (entry) => entry.isFile() && entry.name !== LOCK_FILE,
    );
    // The summary last: it names the others.
    const names = files.map((entry) => entry.name).sort((a, b) => Number(a === SUMMARY) - Number(b === SUMMARY));
    for (const entry of names) writeDurably(path.join(to, entry), readFileSync(path.join(source, entry)));
    for (const entry of readdirSync(to)) {
      if (!["cells", LOCK_FILE, ...names].includes(entry))
        rmSync(path.join(to, entry), { recursive: true, force: true });
    }
    return shownPath(to);
  } finally {
    lock.close();
  }
}

const SUMMARY = "summary.json";

/** How many cells the result in a folder rests on, where they are more than these and have today's questions. */
function moreCells(folder: string, finished: number): number | null {
  const file = path.join(folder, SUMMARY);
  if (!existsSync(file)) return null;
  const { cells, languageVersion } = readExperimentSummary(file);
  return languageVersion === LANGUAGE_VERSION && cells.finished > finished ? cells.finished : null;
}

/** Writes each run finished here as a cell file; how many are new. */
export async function keepCells(one: Chosen, setting: Setting): Promise<number> {
  const { name } = one.experiment;
  const collected = path.join(setting.results, name);
  mkdirSync(collected, { recursive: true });
  const lock = takeLock(collected);
  try {
    const runs = await gather(one, await openSources([one], setting), setting);
    return runs.filter((run) => keepCell(run, name, setting)).length;
  } finally {
    lock.close();
  }
}

/**
 * Writes each run finished here as a cell file, and the result over complete seeds; `said` reports in a line what it
 * did.
 */
export async function collectCells(
  one: Chosen,
  setting: Setting,
): Promise<{ readonly said: string; readonly sources: Sources }> {
  const { experiment } = one;
  const { results } = setting;
  const collected = path.join(results, experiment.name);
  mkdirSync(collected, { recursive: true });
  // One process at a time: two would write the same files.
  const lock = takeLock(collected);
  try {
    const sources = await openSources([one], setting);
    const runs = await gather(one, sources, setting);
    const added = runs.filter((run) => keepCell(run, experiment.name, setting)).length;
    const names = new Set(runs.map(({ record }) => record.name));
    const { size: refused } = sources.refused;
    const rests = refused > 0 ? `no result: ${refused} cells are refused` : await writePartial(one, runs, setting);
    return { said: `${experiment.name}: ${added} cells new, ${names.size} of ${one.of} there; ${rests}`, sources };
  } finally {
    lock.close();
    if (readdirSync(collected).length === 0) rmdirSync(collected);
  }
}

/**
 * True where a file was written. An existing cell stays, wherever it came from, unless it does not count and this one
 * does.
 */
function keepCell({ record }: Gathered, experiment: string, { results, refusal }: Setting): boolean {
  const file = cellFile(results, experiment, record.name);
  if (existsSync(file)) {
    const there = readCellFile(file);
    const better = refusal(record) === null && judged(there, refusal).record === null;
    if (there.kind === "whole" && !better) return false;
  }
  writeCellFile(file, record);
  return true;
}

/** The basis of a partial result: seeds with all their cells, and levels that are run later only if they have all these seeds. */
export function comparable(
  { experiment, seeds: all, requests }: Pick<Chosen, "experiment" | "seeds" | "requests">,
  there: ReadonlySet<string>,
): { readonly seeds: readonly number[]; readonly without: ReadonlySet<string> } {
  const missing = requests
    .filter(({ name }) => !there.has(name))
    .map(({ levels, configuration }) => ({ later: laterLevels(experiment, levels), seed: configuration.seed }));
  const broken = new Set(missing.filter(({ later }) => later.length === 0).map(({ seed }) => seed));
  const seeds = all.filter((seed) => !broken.has(seed));
  return { seeds, without: new Set(missing.filter(({ seed }) => !broken.has(seed)).flatMap(({ later }) => later)) };
}

async function writePartial(one: Chosen, runs: readonly Gathered[], setting: Setting): Promise<string> {
  const { experiment, of } = one;
  const { seeds, without } = comparable(one, new Set(runs.map(({ record }) => record.name)));
  if (seeds.length === 0) return "no result yet: no seed has all its cells";
  const folder = path.join(setting.results, experiment.name);
  const whole = runs.filter(
    ({ cell }) =>
      seeds.includes(cell.seed) && !laterLevels(experiment, cell.levels).some((level) => without.has(level)),
  );
  const finished = new Set(whole.map(({ record }) => record.name)).size;
  const more = moreCells(folder, finished);
  if (more !== null) return `the result that is there rests on more cells (${more}) and stays`;
  const outcome = await analysisNamed(experiment.analysis).outcome({ experiment, runs: whole });
  const request = { command: commandOf([experiment.name], setting), quick: setting.quick, seeds, of };
  writeResults(folder, experiment, whole, request, outcome);
  const lacks = without.size === 0 ? "" : `, without ${[...without].join(", ")}`;
  return `result rests on ${finished} of ${of} cells, ${seeds.length} of ${one.seeds.length} seeds${lacks}`;
}
