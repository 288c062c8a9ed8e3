/**
 * @file `npm run kills -- --kills 200`: kills train, compare and sweep at random moments, continues them to their end,
 * and compares every file to the bit with an undisturbed run. After an interruption, the same command continues. Linux.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { exitCodeOf, interruptible, printJson } from "../../trainer/cli/outcome.js";
import { InputError } from "../../trainer/errors.js";
import { Interrupted } from "../../trainer/runs/interrupted.js";
import { type Provenance, provenance } from "../../trainer/runs/provenance.js";
import { COMMAND_NAMES, type Command, FOLDER } from "./commands.js";
import { difference, digests } from "./files.js";
import { planTrial, WAYS } from "./plan.js";
import { endAll, marked } from "./processes.js";
import { killsByWay, render, rowsOf } from "./table.js";
import { oneStart, type Reference, runTrial, type Trial } from "./trial.js";

/** How long a reference takes is not known yet. */
const PATIENT = { seconds: 60 };

interface Begun extends Provenance {
  readonly seed: number;
  /** Of each command without a kill. */
  readonly seconds: Readonly<Record<Command, number>>;
}

/** Runs each command twice without a kill: unless these two are equal, a later difference means nothing. */
async function makeReferences(folder: string, stop: AbortSignal): Promise<Record<Command, number>> {
  const seconds: Partial<Record<Command, number>> = {};
  for (const command of COMMAND_NAMES) {
    const places = ["reference", "again"].map((name) => path.join(folder, name, command));
    for (const place of places) {
      rmSync(place, { recursive: true, force: true });
      mkdirSync(place, { recursive: true });
      const begun = performance.now();
      const { ended, output } = await oneStart(command, undefined, place, PATIENT, stop);
      if (ended.code !== 0) throw new InputError(`${command} fails where nothing kills it: ${output.trim()}`);
      seconds[command] = (performance.now() - begun) / 1000;
    }
    const [one, two] = places.map((place) => digests(path.join(place, FOLDER)));
    const differs = difference(one ?? new Map(), two ?? new Map());
    if (differs !== null) throw new InputError(`${command} run twice without a kill: ${differs}`);
    process.stderr.write(`${command}: ${seconds[command]?.toFixed(1)} s without a kill\n`);
  }
  rmSync(path.join(folder, "again"), { recursive: true });
  return seconds as Record<Command, number>;
}

/** The references in the folder; makes missing ones. */
async function begin(folder: string, seed: number, stop: AbortSignal): Promise<Begun> {
  const file = path.join(folder, "kills.json");
  const { commit, machine, versions } = provenance();
  if (existsSync(file)) {
    const begun = JSON.parse(readFileSync(file, "utf8")) as Begun;
    // Files record the commit that made them.
    if (begun.seed !== seed || begun.commit !== commit) {
      throw new InputError(`${folder}: holds trials of seed ${begun.seed} at ${begun.commit}; give another --out`);
    }
    return begun;
  }
  mkdirSync(folder, { recursive: true });
  const begun = { seed, commit, machine, versions, seconds: await makeReferences(folder, stop) };
  writeFileSync(file, `${JSON.stringify(begun, null, 2)}\n`);
  return begun;
}

const killsIn = (trials: readonly Trial[]): number => trials.reduce((sum, { kills }) => sum + kills.length, 0);

/** Lines of earlier starts; the last one may be cut off. */
function readTrials(file: string): Trial[] {
  if (!existsSync(file)) return [];
  const whole = readFileSync(file, "utf8").split("\n").slice(0, -1);
  writeFileSync(file, whole.map((line) => `${line}\n`).join(""));
  return whole.map((line) => JSON.parse(line) as Trial);
}

/**
 * The shortest time of the command without a kill: on a machine that has become faster, later moments would come after
 * its end.
 */
function shortest(command: Command, begun: Begun, trials: readonly Trial[]): number {
  const own = trials.filter((trial) => trial.command === command);
  return Math.min(begun.seconds[command], ...own.flatMap(({ unkilledSeconds: seconds }) => seconds ?? []));
}

async function runTrials(folder: string, begun: Begun, kills: number, stop: AbortSignal): Promise<readonly Trial[]> {
  const file = path.join(folder, "trials.jsonl");
  const trials = readTrials(file);
  while (killsIn(trials) < kills) {
    const number = trials.length + 1;
    const plan = { number, ...planTrial(begun.seed, number, trials, kills - killsIn(trials)) };
    const place = path.join(folder, "trials", String(number).padStart(4, "0"));
    const files = digests(path.join(folder, "reference", plan.command, FOLDER));
    const reference: Reference = { seconds: shortest(plan.command, begun, trials), files };
    const trial = await runTrial(plan, place, reference, stop);
    trials.push(trial);
    appendFileSync(file, `${JSON.stringify(trial)}\n`);
    // Files that differ stay for inspection.
    if (trial.equal) rmSync(place, { recursive: true });
    const result = trial.difference ?? "equal";
    process.stderr.write(
      `trial ${number}, ${plan.command}: killed ${trial.kills.length} ×, ${killsIn(trials)} of ${kills} kills: ${result}\n`,
    );
  }
  return trials;
}

async function main(): Promise<void> {
  const flags = await yargs(hideBin(process.argv))
    .scriptName("npm run kills --")
    .usage(
      "$0: kills train, compare and sweep at random moments; they must end equal to the bit; 200 kills take 30 to 50 minutes",
    )
    .options({
      kills: { type: "number", default: 200, describe: "how many kills, spread over the commands" },
      seed: { type: "number", default: 0, describe: "seed of the moments and the signals" },
      out: {
        type: "string",
        default: "runs/kills",
        describe: "folder; the same command goes on there after an interruption",
      },
      json: { type: "boolean", default: false, describe: "one JSON document on standard output" },
    })
    .strict()
    .help()
    .parseAsync();
  const { kills, seed, json } = flags;
  if (process.platform !== "linux") throw new InputError("processes are found in /proc: this needs Linux");
  if (!Number.isInteger(kills) || kills < 1) throw new InputError(`--kills: takes a whole number from 1, not ${kills}`);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new InputError(`--seed: takes a whole number from 0, not ${seed}`);
  const folder = path.resolve(flags.out);
  const signal = interruptible();
  // Processes of an earlier start that was itself killed.
  if (marked(folder).length > 0) await endAll(folder);
  try {
    const begun = await begin(folder, seed, signal);
    const trials = await runTrials(folder, begun, kills, signal);
    const ways = Object.fromEntries(WAYS.map(({ name, share, meaning }) => [name, { share, meaning }]));
    const wrong = trials.filter((trial) => !trial.equal);
    if (json) printJson({ ...begun, rows: rowsOf(trials), ways, killsByWay: killsByWay(trials), wrong });
    else process.stdout.write(`${render(trials)}\n`);
    if (wrong.length > 0) process.exitCode = 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Interrupted(`interrupted; go on with the same command and --out ${flags.out}`);
  }
}

main().catch((error: unknown) => {
  const { code, message } = exitCodeOf(error);
  process.stderr.write(`kills: ${message}\n`);
  process.exitCode = code;
});
