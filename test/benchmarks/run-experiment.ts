/** @file The command `npm run experiment` as a process, for tests. */
import { spawn } from "node:child_process";
import path from "node:path";

const program = path.resolve(import.meta.dirname, "../../benchmarks/experiments/main.js");

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface Circumstances {
  /** Interrupted when standard error shows this text. */
  readonly until?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Nobody reads standard output: its pipe is closed. */
  readonly unread?: boolean;
}

/** Runs the command to its end. */
export function experiment(
  args: readonly string[],
  { until, env = process.env, unread = false }: Circumstances = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"], env });
  let [out, err] = ["", ""];
  if (unread) child.stdout.destroy();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    const before = err;
    err += text;
    if (until !== undefined && !before.includes(until) && err.includes(until)) child.kill("SIGINT");
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
}
