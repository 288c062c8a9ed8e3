/** @file Where a result comes from: versions, machine, commit. No clock times: equal runs have equal files. */
import { spawnSync } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, platform, release, totalmem } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");

export interface Provenance {
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly commit: string;
}

export function provenance(): Provenance {
  const { version } = JSON.parse(readFileSync(path.join(packageRoot, "package.json"), "utf8")) as { version: string };
  return {
    versions: { rls3: version, node: process.versions.node, onnxruntime: versionOf("onnxruntime-node") },
    machine: {
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${platform()} ${release()}`,
    },
    commit: currentCommit(),
  };
}

/** Finds the package wherever npm put it: in this package's folder, or beside it. */
function versionOf(dependency: string): string {
  const { resolve } = createRequire(import.meta.url);
  return (JSON.parse(readFileSync(resolve(`${dependency}/package.json`), "utf8")) as { version: string }).version;
}

/** Not code: collecting results while runs go on changes these files, and no number depends on them. */
const PAGES_AND_RESULTS = [":(exclude,glob)**/*.md", ":(exclude)benchmarks/results"];

/**
 * The checkout's commit, with "+" where files other than pages and results differ from it; "unknown" outside a
 * checkout.
 */
export function currentCommit(): string {
  const git = (...args: string[]): string | null => {
    // Without optional locks: git status would rewrite the checkout's index.
    const env = { ...process.env, GIT_OPTIONAL_LOCKS: "0" };
    const result = spawnSync("git", args, { cwd: packageRoot, encoding: "utf8", env });
    return result.status === 0 ? result.stdout.trim() : null;
  };
  // Installed as a package, this may be inside the checkout of another project.
  const checkout = git("rev-parse", "--show-toplevel");
  if (checkout === null || path.resolve(checkout) !== realpathSync(packageRoot)) return "unknown";
  const head = git("rev-parse", "HEAD");
  if (head === null) return "unknown";
  const changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ...PAGES_AND_RESULTS);
  return changed === "" ? head : `${head}+`;
}
