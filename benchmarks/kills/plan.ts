/** @file Which command a trial kills, when, and how: drawn from the seed. */
import { at } from "../../trainer/at.js";
import { Random } from "../../trainer/random/random.js";
import { COMMAND_NAMES, type Command } from "./commands.js";

/** What is killed, by which signal, and in which share of the kills. */
export const WAYS = [
  { name: "group", share: 0.6, signal: "SIGKILL", meaning: "SIGKILL to the process group" },
  {
    name: "process",
    share: 0.2,
    signal: "SIGKILL",
    meaning: "SIGKILL to the process of one run, or to the command's own",
  },
  { name: "term", share: 0.1, signal: "SIGTERM", meaning: "SIGTERM to the command's process" },
  { name: "interrupt", share: 0.1, signal: "SIGINT", meaning: "SIGINT to the process group, as Ctrl-C does" },
] as const;
export type Way = (typeof WAYS)[number]["name"];

export interface PlannedKill {
  readonly way: Way;
  /** When, as a share of the command's time without a kill. */
  readonly moment: number;
  /** Which of several processes, as a share of their number. */
  readonly pick: number;
}

/** A finished trial. */
interface Past {
  readonly command: Command;
  readonly kills: ArrayLike<unknown>;
}

const MOST_KILLS = 6;
/** A trial of train takes half the time of the others, so it gets half of the kills. */
const WEIGHTS: Readonly<Record<Command, number>> = { train: 2, compare: 1, sweep: 1 };

/**
 * Chooses the command with the fewest kills for its weight, to be killed in one to six starts. A start that ends before
 * its moment is not killed.
 */
export function planTrial(
  seed: number,
  number: number,
  before: readonly Past[],
  left: number,
): { readonly command: Command; readonly kills: readonly PlannedKill[] } {
  const share = (command: Command): number =>
    before.filter((trial) => trial.command === command).reduce((sum, { kills }) => sum + kills.length, 0) /
    WEIGHTS[command];
  const command = [...COMMAND_NAMES].sort((a, b) => share(a) - share(b))[0] ?? "train";
  const random = Random.stream(seed, "kills", number);
  const count = Math.min(1 + random.below(MOST_KILLS), left);
  const draw = (): PlannedKill => ({ moment: random.float(), way: drawWay(random), pick: random.float() });
  return { command, kills: Array.from({ length: count }, draw) };
}

function drawWay(random: Random): Way {
  let rest = random.float();
  for (const { name, share } of WAYS) {
    if (rest < share) return name;
    rest -= share;
  }
  return at(WAYS, 0).name;
}
