/** @file `npm run experiment -- repeat NAME…`: does this code give the same numbers as cells made at another commit? */
import path from "node:path";
import { only } from "../../trainer/at.js";
import { InputError } from "../../trainer/errors.js";
import { currentCommit } from "../../trainer/runs/provenance.js";
import { analysisNamed } from "./analyses/index.js";
import { type RunRecord, readCellFile, recordOf } from "./cell-files.js";
import { type Cell, cellsOf, openRuns, type RunRequest, runCells } from "./cells.js";
import { combinationName } from "./definition.js";
import { combinationOf, firstDifference, keepRepeat, measuredInBoth } from "./repeats.js";
import { type Chosen, choose, collectedFiles, commandOf, openSources, type Setting } from "./sources.js";

interface Refused {
  readonly request: RunRequest;
  readonly record: RunRecord;
}

/** The first refused cell of each commit and combination of settings. */
async function refusedCells(one: Chosen, setting: Setting): Promise<Refused[]> {
  const { name } = one.experiment;
  const { refused } = await openSources([one], setting);
  const firsts = new Map<string, Refused>();
  for (const request of one.requests.filter((wish) => refused.has(wish.name))) {
    for (const file of collectedFiles(setting.results, name, request.name)) {
      const cell = readCellFile(file);
      if (cell.kind === "damaged") continue;
      const { record } = cell;
      const key = `${record.commit} ${combinationOf(record)}`;
      if (!firsts.has(key)) firsts.set(key, { request, record });
    }
  }
  return [...firsts.values()];
}

/** What the experiment's analysis reads from the repeated run; `folder` is that of the repeats. */
async function measuresOf(cell: Cell, { experiment, requests }: Chosen, setting: Setting, folder: string) {
  const { measures } = analysisNamed(experiment.analysis);
  if (measures === null) return {};
  const { progress, signal } = setting.sweep;
  const command = commandOf(["repeat", experiment.name], setting);
  const cells = cellsOf(requests, await openRuns(requests, { ...setting.sweep, folder, command }));
  return { [experiment.analysis]: await measures.take(cell, { cells, folder, progress, signal }) };
}

/**
 * Repeats these runs one after another with their own settings, in a separate folder, and records which give the same
 * numbers.
 * @returns a line for each
 * @throws InputError where files differ from their commit: the outcome would belong to no commit
 */
export async function repeat(names: readonly string[], setting: Setting): Promise<string[]> {
  const sameAt = currentCommit();
  if (!/^[0-9a-f]{40}$/.test(sameAt)) {
    throw new InputError("repeat: this code's files differ from their commit; commit them first");
  }
  if (names.length === 0) throw new InputError("repeat: name the experiments whose cells are refused");
  const folder = path.join(setting.folder, "repeats", sameAt.slice(0, 7));
  const said: string[] = [];
  for (const name of names) {
    const one = choose(name, setting);
    const refused = await refusedCells(one, setting);
    if (refused.length === 0) said.push(`${name}: none of its cells is refused`);
    for (const { request, record } of refused) {
      const sweep = await openRuns([request], {
        ...setting.sweep,
        folder,
        command: commandOf(["repeat", name], setting),
      });
      await runCells(sweep, setting.folder, setting.quick);
      const cell = only(cellsOf([request], sweep));
      const again = await recordOf(cell, await measuresOf(cell, one, setting, folder));
      const { machine, date, versions } = again;
      const combination = combinationOf(record);
      const what = `${request.name} (${combinationName(request.levels)}) of ${record.commit.slice(0, 7)}`;
      const difference = firstDifference(record, again);
      if (difference === null)
        keepRepeat(setting.results, {
          commit: record.commit,
          combination,
          sameAt,
          run: request.name,
          onnxruntime: versions["onnxruntime"] ?? "unknown",
          measures: measuredInBoth(record, again),
          machine,
          date,
        });
      said.push(
        difference === null
          ? `${what}: the same numbers at ${sameAt.slice(0, 7)}; its other seeds count`
          : `${what}: other numbers at ${sameAt.slice(0, 7)}, so that its other seeds stay refused: ${difference}`,
      );
    }
  }
  return said;
}
