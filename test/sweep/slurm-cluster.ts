/** @file A real Slurm cluster on loopback for tests: runs slurm-cluster.sh as a process, and Slurm's commands in it. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../runs/runs.js";

const SCRIPT = path.join(root, "test/sweep/slurm-cluster.sh");
/** Debian installs the daemons outside a user's PATH. */
const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;

const missing = ["sbatch", "slurmctld", "slurmd", "munged"].filter(
  (program) => spawnSync("sh", ["-c", `command -v ${program}`], { env: { PATH } }).status !== 0,
);
/** Why there can be no cluster; null where there can. With CI=true the tests run anyway, and fail. */
export const noSlurm: string | null =
  missing.length === 0 || process.env["CI"] === "true"
    ? null
    : `${missing.join(", ")} not installed: apt-get install slurm-wlm munge`;

export interface Cluster {
  /** For processes that use the cluster. */
  readonly environment: NodeJS.ProcessEnv;
  /** Runs one of Slurm's commands in it to its end. */
  slurm(program: string, ...args: readonly string[]): string;
  /**
   * Simulates a node's power failure: its daemon and everything it runs vanish at once. Slurm notices by its silence.
   */
  fail(node: string): void;
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
    fail: (node) => {
      const jobs = processes().filter(({ environment: variables }) =>
        [`SLURM_CONF=${conf}`, `SLURMD_NODENAME=${node}`].every((variable) => variables.includes(variable)),
      );
      const inside = new Set(jobs.map(({ id }) => id));
      // Kill the daemon's first process of each job first: it would report the job's end.
      const above = jobs.flatMap(({ parent }) => (inside.has(parent) ? [] : [parent]));
      const daemon = Number(readFileSync(path.join(folder, "spool", `${node}.pid`), "utf8"));
      for (const id of [daemon, ...above, ...inside]) kill(id);
    },
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

interface Process {
  readonly id: number;
  readonly parent: number;
  readonly environment: readonly string[];
}

function processes(): Process[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const environment = readFileSync(`/proc/${name}/environ`, "utf8").split("\0");
      const parent = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${name}/status`, "utf8"))?.[1]);
      return [{ id: Number(name), parent, environment }];
    } catch (error) {
      // It has ended meanwhile, or belongs to another user.
      if (error instanceof Error && "code" in error && typeof error.code === "string") return [];
      throw error;
    }
  });
}

function kill(id: number): void {
  try {
    process.kill(id, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
