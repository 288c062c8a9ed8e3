/** @file The results of the trials: by command, and by what was killed and how. */
import { COMMAND_NAMES } from "./commands.js";
import { WAYS } from "./plan.js";
import type { Trial } from "./trial.js";

export interface Row {
  readonly name: string;
  readonly trials: number;
  readonly kills: number;
  readonly equal: number;
  readonly differing: number;
}

function row(name: string, trials: readonly Trial[]): Row {
  const equal = trials.filter((trial) => trial.equal).length;
  const kills = trials.reduce((sum, trial) => sum + trial.kills.length, 0);
  return { name, trials: trials.length, kills, equal, differing: trials.length - equal };
}

/** One row per command, and one for all. */
export const rowsOf = (trials: readonly Trial[]): readonly Row[] => [
  ...COMMAND_NAMES.map((name) =>
    row(
      name,
      trials.filter(({ command }) => command === name),
    ),
  ),
  row("all", trials),
];

/** Number of kills of each kind. */
export const killsByWay = (trials: readonly Trial[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    WAYS.map(({ name }) => [name, trials.flatMap(({ kills }) => kills).filter(({ way }) => way === name).length]),
  );

export function render(trials: readonly Trial[]): string {
  const heads = ["command", "trials", "kills", "equal", "differing"];
  const cells = rowsOf(trials).map((one) => [one.name, one.trials, one.kills, one.equal, one.differing].map(String));
  const line = (words: readonly string[]): string =>
    words.map((word, i) => (i === 0 ? word.padEnd(9) : word.padStart(11))).join("");
  const ways = killsByWay(trials);
  return [
    line(heads),
    ...cells.map(line),
    "",
    ...WAYS.map(({ name, meaning }) => `${String(ways[name]).padStart(5)}  ${meaning}`),
    ...trials
      .filter(({ equal }) => !equal)
      .map(({ number, command, difference }) => `trial ${number}, ${command}: ${difference}`),
  ].join("\n");
}
