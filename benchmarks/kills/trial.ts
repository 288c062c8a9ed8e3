/**
 * @file One trial: a command is killed at its moments and continued to its end; then its files are compared with the
 * reference.
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, FOLDER, wordsFor } from "./commands.js";
import { difference, digests } from "./files.js";
import type { PlannedKill, Way } from "./plan.js";
import { type Ended, endAll, marked, outputOf, runProcesses, type Started, send, start } from "./processes.js";

export interface Kill {
  readonly way: Way;
  readonly victim: "group" | "command" | "run";
  /** Seconds since this start of the command. */
  readonly seconds: number;
  /** The command's last output. */
  readonly after: string;
  /** How the command ended. */
  readonly ended: string;
}

export interface Trial {
  readonly number: number;
  readonly command: Command;
  readonly kills: readonly Kill[];
  /** For a trial that ended before its first moment; else null. */
  readonly unkilledSeconds: number | null;
  /** Starts that were refused because a process of the previous start was still ending. */
  readonly waits: number;
  readonly equal: boolean;
  /** The first difference from the reference, or what went wrong; null where all is equal. */
  readonly difference: string | null;
}

export interface Reference {
  /** Of the command without a kill. */
  readonly seconds: number;
  readonly files: ReadonlyMap<string, string>;
}

/** A start that takes this many times the reference's time, plus a minute, hangs. */
const PATIENCE = 10;
const MINUTE = 60;
/** Time for the children of a killed command to notice that it is gone. */
const LINGERING_SECONDS = 20;
const RETRY_MS = 500;
/** Exit codes of a command that was stopped, or with a run that was stopped. */
const STOPPED: readonly (number | null)[] = [3, 130, 143];
const STACK = /^\s+at .+:\d+:\d+\)?$/m;

/** Something that no kill may cause: the trial has failed. */
class Wrong extends Error {}

export interface Plan {
  readonly number: number;
  readonly command: Command;
  readonly kills: readonly PlannedKill[];
}

export async function runTrial(plan: Plan, place: string, reference: Reference, stop: AbortSignal): Promise<Trial> {
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  const { number, command } = plan;
  const kills: Kill[] = [];
  let waits = 0;
  let unkilledSeconds: number | null = null;
  const outcome = (wrong: string | null): Trial => {
    return { number, command, kills, unkilledSeconds, waits, equal: wrong === null, difference: wrong };
  };
  const begun = performance.now();
  try {
    for (;;) {
      const { ended, kill, output } = await oneStart(command, plan.kills[kills.length], place, reference, stop);
      if (kill !== null) kills.push(kill);
      else if (ended.code === 0) {
        if (kills.length === 0) unkilledSeconds = (performance.now() - begun) / 1000;
        break;
      } else if (/is writing to it/.test(output) && waits * RETRY_MS < LINGERING_SECONDS * 1000) {
        waits += 1;
        await sleep(RETRY_MS);
      } else throw new Wrong(`after ${kills.length} kills it ${inWords(ended)}: ${lastLine(output)}`);
    }
    await allGone(place);
    return outcome(difference(reference.files, digests(path.join(place, FOLDER))));
  } catch (error) {
    if (error instanceof Wrong) return outcome(error.message);
    throw error;
  } finally {
    await endAll(place);
  }
}

interface Start {
  readonly ended: Ended;
  /** Null where the command ended before its moment, or ended normally anyway. */
  readonly kill: Kill | null;
  readonly output: string;
}

/** Starts the command or continues it, kills it at its moment, and waits for its end. */
export async function oneStart(
  command: Command,
  planned: PlannedKill | undefined,
  place: string,
  { seconds }: Pick<Reference, "seconds">,
  stop: AbortSignal,
): Promise<Start> {
  stop.throwIfAborted();
  const begun = performance.now();
  const before = textOf(outputOf(place)).length;
  const output = (): string => textOf(outputOf(place)).slice(before);
  const started = start(wordsFor(command, place), place);
  const end = (): void => void endAll(place);
  stop.addEventListener("abort", end, { once: true });
  try {
    let kill: Omit<Kill, "ended"> | null = null;
    if (planned !== undefined && !(await endsWithin(started, planned.moment * seconds))) {
      const after = lastLine(output());
      const moment = (performance.now() - begun) / 1000;
      const victim = deliver(planned, started, place);
      if (victim !== null) kill = { way: planned.way, victim, seconds: Number(moment.toFixed(3)), after };
    }
    if (!(await endsWithin(started, PATIENCE * seconds + MINUTE))) {
      throw new Wrong(`hangs${kill === null ? "" : ` after ${kill.way}`}: ${lastLine(output())}`);
    }
    stop.throwIfAborted();
    const ended = await started.ended;
    const said = output();
    if (STACK.test(said)) throw new Wrong(`ended with a stack: ${said.trim()}`);
    if (kill === null || ended.code === 0) return { ended, kill: null, output: said };
    if (ended.signal === null && !STOPPED.includes(ended.code)) {
      throw new Wrong(`after ${kill.way} it ${inWords(ended)}: ${lastLine(said)}`);
    }
    return { ended, kill: { ...kill, ended: inWords(ended) }, output: said };
  } finally {
    stop.removeEventListener("abort", end);
  }
}

/** What got the signal; null where no process was left. */
function deliver({ way, pick }: PlannedKill, { pid }: Started, place: string): Kill["victim"] | null {
  switch (way) {
    case "group":
      return send(-pid, "SIGKILL") ? "group" : null;
    case "interrupt":
      return send(-pid, "SIGINT") ? "group" : null;
    case "term":
      return send(pid, "SIGTERM") ? "command" : null;
    case "process": {
      const runs = runProcesses(place);
      const run = runs[Math.floor(pick * runs.length)];
      if (run !== undefined) return send(run.pid, "SIGKILL") ? "run" : null;
      return send(pid, "SIGKILL") ? "command" : null;
    }
  }
}

async function endsWithin({ ended }: Started, seconds: number): Promise<boolean> {
  const over = new AbortController();
  try {
    return await Promise.race([ended.then(() => true), sleep(1000 * seconds, false, { signal: over.signal })]);
  } finally {
    over.abort();
  }
}

/** Waits for the children of killed commands to end: environment servers, runs of a comparison. */
async function allGone(place: string): Promise<void> {
  for (let waited = 0; marked(place).length > 0; waited += RETRY_MS) {
    if (waited >= 1000 * LINGERING_SECONDS) {
      throw new Wrong(
        `is still there: ${marked(place)
          .map(({ command }) => command)
          .join("; ")}`,
      );
    }
    await sleep(RETRY_MS);
  }
}

const inWords = ({ code, signal }: Ended): string =>
  signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;

const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1)?.trim() ?? "";

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // nothing has been started there
  }
}
