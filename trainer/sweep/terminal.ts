/** @file A sweep's plan in 80 columns, shown before it starts. */
import { at } from "../at.js";
import { wrap } from "../report/terminal.js";
import type { SettingName } from "../settings/settings.js";
import { SETTINGS, type Setting } from "../settings/settings.js";
import { flag, unusual } from "./command.js";
import type { Estimate } from "./estimate.js";
import { local } from "./local.js";
import type { OpenSweep } from "./sweep.js";

const INDENT = "         ";
/** List up to this many values; of more, show the number and the range. */
const NAMED = 8;

const symbolOf = (name: SettingName): string => (SETTINGS[name] as Setting).symbol ?? name;

/** A labelled paragraph; further lines are indented to the text. */
const paragraph = (label: string, text: string): string =>
  `${`${label}:`.padEnd(INDENT.length)}${wrap(text, INDENT).slice(INDENT.length)}`;

function values(all: readonly unknown[]): string {
  const different = [...new Set(all)];
  if (different.length <= NAMED) return different.map(String).join(", ");
  const numbers = different.filter((value) => typeof value === "number");
  const range = numbers.length === different.length ? ` from ${Math.min(...numbers)} to ${Math.max(...numbers)}` : "";
  return `${different.length} values${range}`;
}

/** Settings that are the same in all cells and not at their defaults. */
function fixed({ requested, file }: OpenSweep): string {
  const first = at(requested, 0);
  const { quick, names } = unusual(first.configuration);
  const settings = names.filter(
    (name) =>
      name !== "seed" &&
      !file.varied.includes(name) &&
      requested.every(({ configuration }) => configuration[name] === first.configuration[name]),
  );
  const agent = file.varied.includes("agent") ? [] : [`--agent ${first.configuration.agent}`];
  const flags = [
    ...(quick ? ["--quick"] : []),
    ...agent,
    ...settings.map((name) => flag(name, first.configuration[name])),
  ];
  return `${flags.join(" ")}; all else as rls3 train --help has it`;
}

/** A duration with no more digits than an estimate deserves. */
export function about(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  const hours = seconds / 3600;
  return hours < 48 ? `${hours.toFixed(1)} h` : `${(hours / 24).toFixed(1)} days`;
}

function time(sweep: OpenSweep, estimated: Estimate | null): string {
  const { jobs, fresh, resumed } = sweep;
  const cells = fresh.length + resumed.length;
  if (cells === 0) return "nothing is left to run";
  if (estimated === null) return "not estimated";
  const [least, most] = [Math.min(...estimated.cells), Math.max(...estimated.cells)];
  const each = about(least) === about(most) ? about(least) : `${about(least)} to ${about(most)}`;
  const side = jobs.count === 1 ? "one at a time" : `${Math.min(jobs.count, cells)} at a time`;
  return `about ${about(estimated.total)}: ${cells} cells of ${each}, ${side} (from ${estimated.from})`;
}

function memory({ jobs, options }: OpenSweep): string {
  const gib = (mebibytes: number): string => `${(mebibytes / 1024).toFixed(1)} GiB`;
  const source = jobs.measured ? "the most that a finished cell here took" : "assumed; finished cells will tell";
  const executor = options.executor ?? local;
  const here = executor.here ? `, ${gib(jobs.freeMiB)} free` : `, on ${executor.name}'s machines`;
  return `${jobs.count} × ${gib(jobs.peakMiB)} (${source})${here}`;
}

export function renderPlan(sweep: OpenSweep, shown: string, estimated: Estimate | null): string {
  const { requested, file, finished, resumed, fresh, repeated, undrawn } = sweep;
  const configurations = requested.map(({ configuration }) => configuration);
  const variants = [...new Set(requested.flatMap(({ variant }) => variant ?? []))];
  const varies = [
    ...(variants.length > 0 ? [`variants ${values(variants)}`] : []),
    ...file.varied
      .map((name) => ({ name, all: configurations.map((configuration) => configuration[name]) }))
      .filter(({ all }) => new Set(all).size > 1)
      .map(({ name, all }) => `${symbolOf(name)} ${values(all)}`),
    `seeds ${values(configurations.map(({ seed }) => seed))}`,
  ];
  const others = file.cells.length - requested.length;
  const states = [`${finished.length} done`, `${resumed.length} resumed`, `${fresh.length} new`];
  return [
    paragraph("sweep", `${requested.length} cells in ${shown}`),
    paragraph("varied", varies.join(" · ")),
    paragraph("fixed", fixed(sweep)),
    paragraph("cells", states.join(", ") + (others > 0 ? `; ${others} of other commands stay as they are` : "")),
    ...(undrawn > 0
      ? [paragraph("random", `${undrawn} of the samples are missing: no more different draws were found`)]
      : []),
    ...(repeated > 0
      ? [paragraph("same", `${repeated} combinations repeat the settings of another one and run once`)]
      : []),
    paragraph("time", time(sweep, estimated)),
    paragraph("memory", memory(sweep)),
  ].join("\n");
}
