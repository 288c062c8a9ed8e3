/** @file What is drawn as one line: a run, or the seeds of an arm or cell together. Pure. */
import { group } from "d3-array";
import { at } from "../../../at.js";
import type { MetricsRow } from "../../../run-format/readers.js";
import { placeOfArm } from "../../../settings/arms.js";
import { PLACES, placesOf } from "../../charts/palette.js";
import { armName } from "../../format.js";
import type { GroupEntry, RunEntry } from "../documents.js";
import type { LiveIndex } from "./live-index.js";
import type { Navigate, Route } from "./route.js";

export interface RunRows {
  readonly run: RunEntry;
  readonly rows: readonly MetricsRow[];
}

/** An arm of the charts. */
export interface RunSeries {
  readonly key: string;
  readonly name: string;
  readonly colour: number;
  readonly runs: readonly RunRows[];
}

/** What each view of the page gets. */
export interface ViewProps {
  readonly series: readonly RunSeries[];
  readonly index: LiveIndex;
  readonly route: Route;
  readonly navigate: Navigate;
}

/** More lines than this tell nothing. */
export const MOST_SERIES = PLACES;

type Groups = ReadonlyMap<string, GroupEntry>;

/** How a run is called beside others of its group. */
function runName(run: RunEntry, groups: Groups): string {
  if (run.group === null) return run.name;
  const kind = groups.get(run.group)?.kind;
  const arm = kind === "comparison" ? armName(run.arm) : run.arm;
  return run.seed === null || kind === "folder" ? run.name : `${arm}, seed ${run.seed}`;
}

/** With the name of the run's group where the others are of several. */
function withGroup(name: string, { group }: RunEntry, others: readonly RunEntry[], groups: Groups): string {
  const isOne = others.every((other) => other.group === group);
  return isOne || group === null ? name : `${groups.get(group)?.name ?? group}: ${name}`;
}

/** How a run is called beside these. */
export const nameAmong = (run: RunEntry, others: readonly RunEntry[], groups: Groups): string =>
  withGroup(runName(run, groups), run, others, groups);

const byText = new Intl.Collator("en", { numeric: true });

/** Arms as they are compared, cells by their settings, seeds as numbers. */
export function inOrder(a: RunEntry, b: RunEntry): number {
  const place = placeOfArm(a.arm) - placeOfArm(b.arm);
  if (a.group !== b.group || place !== 0) return byText.compare(a.group ?? "", b.group ?? "") || place;
  for (const key of Object.keys(a.varied)) {
    const [left = "", right = ""] = [a.varied[key], b.varied[key]];
    const difference = Number(left) - Number(right) || byText.compare(left, right);
    if (left !== right && !Number.isNaN(difference)) return difference;
  }
  return (a.seed ?? 0) - (b.seed ?? 0) || byText.compare(a.id, b.id);
}

/** The settings by which a cell of a sweep differs from the others. */
export const cellSettings = ({ varied }: RunEntry): string =>
  Object.entries(varied)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");

function seriesName(runs: readonly RunEntry[], others: readonly RunEntry[], groups: Groups): string {
  const first = at(runs, 0);
  if (runs.length === 1) return nameAmong(first, others, groups);
  const isComparison = first.group !== null && groups.get(first.group)?.kind === "comparison";
  const label = isComparison || cellSettings(first) === "" ? armName(first.arm) : cellSettings(first);
  return withGroup(`${label} (${runs.length} seeds)`, first, others, groups);
}

/** The same for the seeds of one arm or cell: those that have the same settings. */
export const armKey = ({ group, agent, arm, varied }: RunEntry): string =>
  JSON.stringify([group, agent ?? arm, varied]);

/** Lines for the chosen runs; together where they are seeds of one arm, unless each is asked for. */
export function toSeries(runs: readonly RunRows[], groups: Groups, each: boolean): readonly RunSeries[] {
  const together = group(
    [...runs].sort((a, b) => inOrder(a.run, b.run)),
    ({ run }) => (each || run.group === null ? run.id : armKey(run)),
  );
  const all = runs.map(({ run }) => run);
  const shown = [...together].slice(0, MOST_SERIES);
  const places = placesOf(shown.map(([, members]) => at(members, 0).run.arm));
  return shown.map(([key, members], i) => {
    const name = seriesName(
      members.map(({ run }) => run),
      all,
      groups,
    );
    return { key, name, colour: at(places, i), runs: members };
  });
}
