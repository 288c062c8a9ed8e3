/** @file The headless .NET host (unity-project/dotnet): found, built when its sources are newer, and how to start it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { UnavailableError } from "../errors.js";

const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const unityProject = path.join(packageRoot, "unity-project");
const solution = path.join(unityProject, "dotnet");
const hostProject = path.join(solution, "Rls3.Gym.Host");
const hostProgram = path.join(hostProject, "bin/Release/net10.0/rls3-gym-host.dll");
/** What the host is built from. */
const SOURCES = [
  path.join(unityProject, "Packages/com.rls3.gym/Runtime"),
  path.join(unityProject, "catalog"),
  path.join(solution, "Rls3.Gym"),
  hostProject,
];
const SDK_MAJOR = 10;
/** A lock older than this was left behind by a build that was killed. */
const STALE_LOCK_MS = 10 * 60_000;

export interface HostCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** Why the host can't be built here, in words that say what to do; undefined where it can. */
export function dotnetMissing(): string | undefined {
  if (!existsSync(hostProject))
    return `the .NET host's sources are not here (${hostProject}): take a checkout of the repository`;
  const version = spawnSync("dotnet", ["--version"], { encoding: "utf8", cwd: solution });
  if (version.error !== undefined || version.status !== 0) {
    return `no .NET SDK was found (dotnet --version): install version ${SDK_MAJOR} or newer from dot.net`;
  }
  const major = Number.parseInt(version.stdout, 10);
  if (major >= SDK_MAJOR) return undefined;
  return `the .NET SDK here is ${version.stdout.trim()}: install version ${SDK_MAJOR} or newer from dot.net`;
}

/**
 * The command line of the host, built first where it is older than its sources; the caller adds `--connect` or `--bind`,
 * `--envs` and `--world`. Throws UnavailableError where it can't be built.
 */
export function dotnetHostCommand(): HostCommand {
  const missing = dotnetMissing();
  if (missing !== undefined) throw new UnavailableError(missing);
  if (!isBuilt()) buildOnce();
  return { command: "dotnet", args: [hostProgram] };
}

function isBuilt(): boolean {
  return existsSync(hostProgram) && statSync(hostProgram).mtimeMs >= newestSource();
}

function newestSource(): number {
  let newest = 0;
  for (const folder of SOURCES) {
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (/(^|[\\/])(bin|obj)([\\/]|$)/.test(name) || !/\.(cs|csproj|json)$/.test(name)) continue;
      newest = Math.max(newest, statSync(path.join(folder, name)).mtimeMs);
    }
  }
  return newest;
}

/** One build at a time: runs that start side by side wait for the first one's. */
function buildOnce(): void {
  const lock = path.join(solution, ".building");
  while (!taken(lock)) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    if (!isBuilt()) build();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function taken(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (age > STALE_LOCK_MS) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

function build(): void {
  process.stderr.write("building the .NET host (dotnet build)\n");
  // NuGet and MSBuild leave empty folders in the temporary one: they get one of their own, and no server that would outlive it.
  const temporary = mkdtempSync(path.join(tmpdir(), "rls3-build-"));
  const options = ["-c", "Release", "-v", "q", "--nologo", "--disable-build-servers"];
  const result = spawnSync("dotnet", ["build", hostProject, ...options], {
    encoding: "utf8",
    env: { ...process.env, TMPDIR: temporary },
  });
  rmSync(temporary, { recursive: true, force: true });
  if (result.status !== 0) {
    const errors = result.stdout.split("\n").filter((line) => /\b(error|warning) /.test(line));
    throw new UnavailableError(`the .NET host does not build: ${errors[0] ?? result.stderr.trim()}`);
  }
  // An incremental build may leave the program as it was; its age must say that it is up to date.
  utimesSync(hostProgram, new Date(), new Date());
}
