/**
 * @file The headless .NET host (unity-project/dotnet): finds it, builds it when its sources are newer, and gives its
 * command line.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { UnavailableError } from "../errors.js";
import { type ProcessIdentity, processLives, thisProcess } from "../files/process-identity.js";

const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const unityProject = path.join(packageRoot, "unity-project");
const solution = path.join(unityProject, "dotnet");
/** A program of the solution. */
export interface DotnetProgram {
  /** Its name in messages. */
  readonly title: string;
  /** Its project folder. */
  readonly project: string;
  /** The DLL that the build makes. */
  readonly dll: string;
  /** Folders with its sources. */
  readonly sources: readonly string[];
}

/** A program built from this folder of the solution. */
export function dotnetProgram(title: string, folder: string, name: string, others: readonly string[]): DotnetProgram {
  const project = path.join(solution, folder);
  const shared = ["Packages/com.rls3.gym/Runtime", "Packages/com.rls3.gym/Catalog~", "dotnet/Rls3.Gym"];
  return {
    title,
    project,
    dll: path.join(project, `bin/Release/net10.0/${name}.dll`),
    sources: [
      ...shared.map((at) => path.join(unityProject, at)),
      ...others.map((at) => path.join(solution, at)),
      project,
    ],
  };
}

const host = dotnetProgram("the .NET host", "Rls3.Gym.Host", "rls3-gym-host", []);
const SDK_MAJOR = 10;
/** A lock without a known owner that is older than this belongs to a build that was killed. */
const STALE_LOCK_MS = 10 * 60_000;

export interface HostCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** With it the SDK reports nothing and looks for no updates (that variable takes "true" alone). A built host never does. */
export const silentSdk = (): NodeJS.ProcessEnv => ({
  ...process.env,
  DOTNET_CLI_TELEMETRY_OPTOUT: "1",
  DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE: "true",
  DOTNET_NOLOGO: "1",
});

/** Why the host cannot be built here, and what to do; undefined where it can. */
export function dotnetMissing(): string | undefined {
  if (!existsSync(host.project))
    return `the .NET host's sources are not here (${host.project}): take a checkout of the repository`;
  const version = spawnSync("dotnet", ["--version"], { encoding: "utf8", cwd: solution, env: silentSdk() });
  if (version.error !== undefined || version.status !== 0) {
    return `no .NET SDK was found (dotnet --version): install version ${SDK_MAJOR} or newer from dot.net`;
  }
  const major = Number.parseInt(version.stdout, 10);
  if (major >= SDK_MAJOR) return undefined;
  return `the .NET SDK here is ${version.stdout.trim()}: install version ${SDK_MAJOR} or newer from dot.net`;
}

/**
 * The command line of a program (default: the host), built first where it is older than its sources. The caller adds
 * `--connect` or `--bind`, `--envs` and `--world`.
 * @throws UnavailableError where it cannot be built
 */
export function dotnetHostCommand(program: DotnetProgram = host): HostCommand {
  const missing = dotnetMissing();
  if (missing !== undefined) throw new UnavailableError(missing);
  if (!isBuilt(program)) buildOnce(program);
  return { command: "dotnet", args: [program.dll] };
}

function isBuilt({ dll, sources }: DotnetProgram): boolean {
  return existsSync(dll) && statSync(dll).mtimeMs >= newestSource(sources);
}

function newestSource(folders: readonly string[]): number {
  let newest = 0;
  for (const folder of folders) {
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (/(^|[\\/])(bin|obj)([\\/]|$)/.test(name) || !/\.(cs|csproj|json)$/.test(name)) continue;
      newest = Math.max(newest, statSync(path.join(folder, name)).mtimeMs);
    }
  }
  return newest;
}

/** One build at a time: runs that start together wait for the first one's build. */
function buildOnce(program: DotnetProgram): void {
  const lock = path.join(solution, ".building");
  for (let waiting = false; !taken(lock); waiting = true) {
    if (!waiting) process.stderr.write(`waiting for another build of ${program.title}\n`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    if (!isBuilt(program)) build(program);
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function taken(lock: string): boolean {
  try {
    mkdirSync(lock);
    writeFileSync(path.join(lock, OWNER), JSON.stringify(thisProcess()));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (isAbandoned(lock)) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

const OWNER = "owner.json";

function isAbandoned(lock: string): boolean {
  try {
    const lives = processLives(JSON.parse(readFileSync(path.join(lock, OWNER), "utf8")) as ProcessIdentity);
    if (lives !== null) return !lives;
  } catch {
    // not written yet, or by an earlier version
  }
  return Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > STALE_LOCK_MS;
}

function build({ title, project, dll }: DotnetProgram): void {
  process.stderr.write(`building ${title} (dotnet build)\n`);
  // NuGet and MSBuild leave empty folders in the temporary folder, so give them their own; and start no build server,
  // which would outlive the build.
  const temporary = mkdtempSync(path.join(tmpdir(), "rls3-build-"));
  const options = ["-c", "Release", "-v", "q", "--nologo", "--disable-build-servers"];
  const result = spawnSync("dotnet", ["build", project, ...options], {
    encoding: "utf8",
    env: { ...silentSdk(), TMPDIR: temporary },
  });
  rmSync(temporary, { recursive: true, force: true });
  if (result.status !== 0) {
    const errors = result.stdout.split("\n").filter((line) => /\b(error|warning) /.test(line));
    throw new UnavailableError(`${title} does not build: ${errors[0] ?? result.stderr.trim()}`);
  }
  // An incremental build may leave the file untouched; set its time to show that it is up to date.
  utimesSync(dll, new Date(), new Date());
}
