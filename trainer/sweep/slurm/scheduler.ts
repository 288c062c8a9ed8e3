/**
 * @file Runs Slurm's commands: submits an array, reads the state of its tasks, cancels them. Needs no accounting
 * database.
 */
import { spawn } from "node:child_process";
import { InputError, UnavailableError } from "../../errors.js";

/** A task of an array, as squeue reports it. */
export interface Task {
  /** The id in Slurm's commands, such as `12_3`. */
  readonly id: string;
  /** The name of its submission. */
  readonly name: string;
  readonly index: number;
  /** RUNNING, PENDING, TIMEOUT … */
  readonly state: string;
  /** Why it waits, such as Resources. */
  readonly reason: string;
}

/**
 * States after which Slurm does not start a task again. In every other state, also those of later versions, a task is
 * alive.
 */
const ENDED: ReadonlySet<string> = new Set([
  "BOOT_FAIL",
  "CANCELLED",
  "COMPLETED",
  "DEADLINE",
  "FAILED",
  "NODE_FAIL",
  "OUT_OF_MEMORY",
  "PREEMPTED",
  "REVOKED",
  "TIMEOUT",
]);

export const lives = ({ state }: Task): boolean => !ENDED.has(state);

interface Answer {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

const INSTALL =
  "is not installed here; --executor slurm runs on a Slurm cluster's login node (on Debian: apt-get install slurm-client)";

/** Milliseconds after which a hanging command is ended. */
const PATIENCE = 300_000;

/**
 * Runs a command to its end; `input` goes to its standard input. It has its own process group, so that Ctrl-C, which is
 * for the sweep, does not interrupt a submission.
 */
function command(program: string, args: readonly string[], input = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { detached: true });
    const patience = setTimeout(() => child.kill(), PATIENCE);
    let [output, errors] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(patience);
      reject(error.code === "ENOENT" ? new UnavailableError(`${program} ${INSTALL}`) : error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(patience);
      resolve({ code: code ?? 1, output, errors: errors || (signal === null ? "" : `${program}: ended by ${signal}`) });
    });
    // A command that ends before reading its input explains that by its exit code.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/** Slurm's message on one line, without its programs' names. */
const said = (text: string): string =>
  text
    .trim()
    .split("\n")
    .map((line) => line.trim().replace(/^\w+: ((error|fatal): )?/, ""))
    .filter((line) => line !== "")
    .join("; ");

const UNREACHABLE = /unable to contact slurm controller|connection (refused|failure)|zero bytes were transmitted/i;
/**
 * Slurm's messages where the user, the account or the cluster may have no more jobs in the queue, or no array of this
 * size.
 */
const NO_ROOM = new RegExp(
  [
    /submit ?limit|MaxSubmit|SubmitJobs?(PerUser)?Limit|accounting\/QOS policy/,
    /temporarily un(able|available)|Invalid job array specification/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "i",
);

function failure(what: string, { errors, output }: Answer): Error {
  const words = said(errors) || said(output) || "said nothing";
  if (UNREACHABLE.test(errors) || /authentication|munge|slurm_conf|could not establish a configuration/i.test(errors)) {
    return new UnavailableError(`${what}: ${words}; see that this machine is part of the cluster (sinfo)`);
  }
  return new InputError(`${what}: ${words}; the options of --slurm-* go to sbatch`);
}

/** Values of `scontrol show config` that a sweep depends on. */
export interface Limits {
  readonly maxArraySize: number;
}

/** @throws UnavailableError if Slurm is missing or its controller does not answer */
export async function limits(): Promise<Limits> {
  await command("sbatch", ["--version"]);
  const answer = await command("scontrol", ["show", "config"]);
  if (answer.code !== 0) {
    const [reason = ""] = said(answer.errors || answer.output)
      .split("; ")
      .slice(-1);
    const what = `Slurm's controller does not answer: ${reason}`;
    throw new UnavailableError(`${what}; see that this machine is part of the cluster (sinfo)`);
  }
  const size = Number(/^MaxArraySize\s*=\s*(\d+)/m.exec(answer.output)?.[1] ?? 1001);
  // The limit in SchedulerParameters.
  const tasks = Number(/\bmax_array_tasks=(\d+)/.exec(answer.output)?.[1] ?? size);
  return { maxArraySize: Math.max(1, Math.min(size, tasks)) };
}

/** Submits `script` and returns the id of its array, or a refusal if the queue has no room for it. */
export async function submit(
  args: readonly string[],
  script: string,
): Promise<{ readonly id: string } | { readonly noRoom: string }> {
  const answer = await command("sbatch", ["--parsable", ...args], script);
  if (answer.code !== 0) {
    if (NO_ROOM.test(answer.errors)) return { noRoom: said(answer.errors) };
    throw failure("sbatch", answer);
  }
  const id = jobNumber(answer.output);
  if (id !== undefined) return { id };
  const words = said(answer.output) || "nothing";
  throw new UnavailableError(`sbatch: took the job but printed no number for it: ${words}; see what sbatch is here`);
}

/** The last line that is a number: wrappers of sbatch print other lines before or after it. */
function jobNumber(output: string): string | undefined {
  const numbers = output.split("\n").flatMap((line) => {
    const found = /^\s*(?:Submitted batch job )?(\d+)(?:;\S*| on cluster \S+)?\s*$/.exec(line)?.[1];
    return found === undefined ? [] : [found];
  });
  return numbers.at(-1);
}

/** The tasks of these submissions that Slurm still knows; null if its controller does not answer now. */
export async function tasksOf(names: readonly string[]): Promise<Task[] | null> {
  if (names.length === 0) return [];
  const answer = await command("squeue", [
    "--noheader",
    "--array",
    "--states=all",
    `--name=${names.join(",")}`,
    "--format=%F|%K|%T|%j|%r",
  ]);
  if (answer.code !== 0) return null;
  return answer.output.split("\n").flatMap((line) => {
    const [job, index, state, name, reason] = line.trim().split("|");
    if (job === undefined || index === undefined || state === undefined || name === undefined) return [];
    // Skip lines of a wrapper of squeue, and other users' jobs where it ignores the names.
    if (!/^\d+$/.test(job) || !/^\d+$/.test(index) || !names.includes(name)) return [];
    return [{ id: `${job}_${index}`, name, index: Number(index), state, reason: reason ?? "" }];
  });
}

/** Ends the tasks; those that have already ended do not matter. */
export async function cancel(ids: readonly string[]): Promise<void> {
  // In groups, so that the command line does not exceed the system's limit.
  for (let at = 0; at < ids.length; at += 500) await command("scancel", ids.slice(at, at + 500));
}

/** Puts this process's task back into the queue; false if Slurm does not allow it. */
export async function requeue(id: string): Promise<boolean> {
  return (await command("scontrol", ["requeue", id])).code === 0;
}
