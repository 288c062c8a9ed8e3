/**
 * @file Time and memory that a cell used: each process logs a line at its end, and the sweep's timings.csv collects
 * them.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { stringify } from "csv-stringify/sync";
import { writeDurably } from "../files/durable-file.js";
import { readPlainFile } from "../files/plain-file.js";
import { logEntries } from "../run-format/readers.js";
import { TIMING_COLUMNS } from "../runs/run-directory.js";
import type { PlannedCell } from "./plan-file.js";

/** Milliseconds between checks of the memory of a run's environment server. */
const PERIOD = 2000;
const MESSAGE = "process";

export interface Usage {
  /** From the process's start to its end, over all attempts; null where one was killed, and could not say it. */
  readonly seconds: number | null;
  /** Its iterations, as in timings.csv; the rest was starting, opening, reading and closing. */
  readonly runSeconds: number;
  /** The same of its processor time. */
  readonly cpuSeconds: number | null;
  /** Peak memory of the attempts that ended by themselves, including its environment server's. */
  readonly peakMiB: number;
  /** How often it was begun or continued. */
  readonly attempts: number;
  readonly host: string;
}

/** At its end, this process writes what it used into the log of the run in `folder`. */
export function recordUsage(folder: string): void {
  let servers = 0;
  const timer = setInterval(() => {
    servers = Math.max(servers, childrenPeakKiB());
  }, PERIOD);
  timer.unref();
  process.on("exit", () => {
    const log = path.join(folder, "log.jsonl");
    if (!existsSync(log)) return;
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    const line = {
      level: 30,
      time: Date.now(),
      seconds: process.uptime(),
      cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
      peakMiB: Math.round((maxRSS + servers) / 1024),
      host: hostname(),
      msg: MESSAGE,
    };
    appendFileSync(log, `${JSON.stringify(line)}\n`);
  });
}

/** The peak memory of this process's children, where the system tells it (Linux); else 0. */
function childrenPeakKiB(): number {
  try {
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
    return children.reduce((sum, pid) => sum + peakKiB(pid), 0);
  } catch {
    return 0;
  }
}

const peakKiB = (pid: string): number =>
  pid === "" ? 0 : Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);

/** What a cell has used so far; null if none of its processes has ended normally. */
export function usageOf(folder: string): Usage | null {
  const log = logEntries(readLines(path.join(folder, "log.jsonl")).join("\n"));
  const ended = log.filter(({ msg }) => msg === MESSAGE);
  const last = ended.at(-1);
  if (last === undefined) return null;
  // Each attempt but the first says that it resumed; one that did not come so far has only its end.
  const attempts = Math.max(ended.length, 1 + log.filter(({ msg }) => msg === "resumed").length);
  const values = (key: string): number[] => ended.map((attempt) => Number(attempt[key] ?? 0));
  const sum = (key: string): number | null =>
    ended.length < attempts ? null : values(key).reduce((total, value) => total + value, 0);
  return {
    seconds: sum("seconds"),
    runSeconds: timingsOf(folder).reduce((total, row) => total + row.total, 0),
    cpuSeconds: sum("cpuSeconds"),
    peakMiB: Math.max(...values("peakMiB")),
    attempts,
    host: String(last["host"] ?? ""),
  };
}

export type TimingsRow = Readonly<Record<(typeof TIMING_COLUMNS)[number], number>>;

/** A run's timings.csv. */
export const timingsOf = (folder: string): TimingsRow[] =>
  readLines(path.join(folder, "timings.csv"))
    .slice(1)
    .map((line) => {
      const cells = line.split(",");
      return Object.fromEntries(TIMING_COLUMNS.map((column, i) => [column, Number(cells[i] ?? 0)])) as TimingsRow;
    });

const readLines = (file: string): string[] =>
  existsSync(file)
    ? readPlainFile(file)
        .toString("utf8")
        .split("\n")
        .filter((line) => line !== "")
    : [];

/** timings.csv of the sweep: one row per cell. It is the sweep's only file with clock times. */
export function writeTimings(folder: string, cells: readonly PlannedCell[]): void {
  const round = (value: number | null): number | "" => (value === null ? "" : Math.round(value * 1000) / 1000);
  const rows = cells.flatMap(({ name, folder: cellFolder }) => {
    const usage = usageOf(cellFolder);
    if (usage === null) return [];
    const { seconds, runSeconds, cpuSeconds, peakMiB, attempts, host } = usage;
    return [[name, attempts, round(seconds), round(runSeconds), round(cpuSeconds), peakMiB, host]];
  });
  const header = ["cell", "attempts", "seconds", "runSeconds", "cpuSeconds", "peakMiB", "host"];
  writeDurably(path.join(folder, "timings.csv"), stringify([header, ...rows]));
}
