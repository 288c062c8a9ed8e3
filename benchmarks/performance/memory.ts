/**
 * @file `npm run memory -- [FLAGS of compare]`, or `-- -- COMMAND…`: the peak memory of all processes of a command
 * together. Linux.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { InputError } from "../../trainer/errors.js";

/** Milliseconds between two samples; shorter peaks are missed. */
const PERIOD = 200;
const GIB = 2 ** 30;

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // a process that has ended meanwhile, or another user's
  }
};

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** In clock ticks; together with the id it identifies the process. */
  readonly started: string;
}

function processes(): Process[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    // The command's name may contain anything, even a ")": the fields come after the last one.
    const stat = read(`/proc/${name}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return [{ pid: Number(name), parent: Number(fields[1]), started: fields[19] ?? "" }];
  });
}

const key = ({ pid, started }: Process): string => `${pid}@${started}`;

/** Descendants of `root`, including those whose parent has ended since they were first seen. */
function family(root: number, known: Set<string>): Process[] {
  const all = processes();
  const members = new Set(all.filter((one) => one.pid === root || known.has(key(one))).map(({ pid }) => pid));
  for (let before = -1; before < members.size; ) {
    before = members.size;
    for (const { pid, parent } of all) if (members.has(parent)) members.add(pid);
  }
  const found = all.filter(({ pid }) => members.has(pid));
  for (const one of found) known.add(key(one));
  return found;
}

/** Proportional set size in bytes: shared pages count once in total. */
const pss = (pid: number): number =>
  1024 * Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);

interface Peak {
  readonly bytes: number;
  readonly processes: number;
  readonly looks: number;
  readonly code: number | null;
}

export async function peakOf(command: string, args: readonly string[]): Promise<Peak> {
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  const ended = once(child, "close");
  const known = new Set<string>();
  let peak = { bytes: 0, processes: 0 };
  let looks = 0;
  const timer = setInterval(() => {
    const members = family(child.pid ?? -1, known);
    const bytes = members.reduce((sum, { pid }) => sum + pss(pid), 0);
    looks += 1;
    if (bytes > peak.bytes) peak = { bytes, processes: members.length };
  }, PERIOD);
  try {
    const [code] = (await ended) as [number | null];
    return { ...peak, looks, code };
  } finally {
    clearInterval(timer);
  }
}

function parse(words: readonly string[]): { command: string; args: readonly string[]; most: number } {
  const [option, value, ...others] = words;
  const limited = option === "--most";
  const most = limited ? Number(value) : Number.POSITIVE_INFINITY;
  if (!(most > 0)) throw new InputError(`--most: takes GiB that the peak must stay below, such as 4, not ${value}`);
  const rest = limited ? others : words;
  const program = path.resolve(import.meta.dirname, "../../trainer/cli/main.js");
  const [dashes, command, ...args] = rest;
  if (dashes !== "--") return { command: process.execPath, args: [program, "compare", ...rest], most };
  if (command === undefined) throw new InputError("a command is expected behind --");
  return { command, args, most };
}

async function main(): Promise<number> {
  if (pss(process.pid) === 0) throw new InputError("/proc/PID/smaps_rollup cannot be read: this needs Linux");
  const { command, args, most } = parse(process.argv.slice(2));
  const { bytes, processes: count, looks, code } = await peakOf(command, args);
  const gib = bytes / GIB;
  process.stdout.write(
    `peak memory: ${gib.toFixed(2)} GiB in ${count} processes together (PSS, ${looks} looks, ${PERIOD} ms apart)\n`,
  );
  if (code !== 0) throw new InputError(`the command ended with ${code === null ? "a signal" : `exit code ${code}`}`);
  if (looks === 0 || gib >= most) {
    process.stderr.write(`the peak must stay below ${most} GiB\n`);
    return 1;
  }
  return 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`memory: ${error instanceof InputError ? error.message : String(error)}\n`);
    process.exitCode = error instanceof InputError ? 2 : 1;
  },
);
