/** @file A real Slurm cluster on loopback for tests: slurm-cluster.sh as a process, and Slurm's commands in it. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import path from "node:path";
import { root } from "../rls3/runs.js";

const SCRIPT = path.join(root, "test/sweep/slurm-cluster.sh");
/** Debian keeps the daemons where users have no path to. */
const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;

const missing = ["sbatch", "slurmctld", "slurmd", "munged"].filter(
  (program) => spawnSync("sh", ["-c", `command -v ${program}`], { env: { PATH } }).status !== 0,
);
/** Why there can be no cluster; null where there can. With CI=true the tests run all the same, and fail. */
export const noSlurm: string | null =
  missing.length === 0 || process.env["CI"] === "true"
    ? null
    : `${missing.join(", ")} not installed: apt-get install slurm-wlm munge`;

export interface Cluster {
  /** For processes that are to use it. */
  readonly environment: NodeJS.ProcessEnv;
  /** A command of Slurm's in it, to its end. */
  slurm(program: string, ...args: readonly string[]): string;
  stop(): Promise<void>;
}

/** Starts a cluster in the folder; resolves when its nodes are idle. */
export async function startCluster(folder: string, ...options: readonly string[]): Promise<Cluster> {
  const child = spawn(SCRIPT, [folder, ...options], { stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => resolve());
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const conf = await new Promise<string>((resolve, reject) => {
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      const file = /^SLURM_CONF=(.*)\n/m.exec(out)?.[1];
      if (file !== undefined) resolve(file);
    });
    child.on("error", reject);
    child.on("close", (code) => reject(new Error(`slurm-cluster.sh ended with ${code}: ${errors}`)));
  });
  const environment = { ...process.env, PATH, SLURM_CONF: conf };
  return {
    environment,
    slurm: (program, ...args) => execFileSync(program, args, { env: environment, encoding: "utf8" }),
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
