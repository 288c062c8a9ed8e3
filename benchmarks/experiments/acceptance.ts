/**
 * @file Which cell files count here: those with this code's questions and world, made at a commit with this algorithm
 * or at an accepted commit.
 */
import { spawnSync } from "node:child_process";
import { InputError } from "../../trainer/errors.js";
import { LANGUAGE_VERSION } from "../../trainer/language/index.js";
import { loadCatalog } from "../../trainer/rooms/index.js";
import { provenance } from "../../trainer/runs/provenance.js";
import { baseOf, type RunRecord, worldDigest } from "./cell-files.js";
import { root } from "./definition.js";
import { combinationOf, type Repeat } from "./repeats.js";

const inTrainer = (room: string): string => `trainer/${room}`;

/** The files that a run's numbers depend on. */
export const ALGORITHM: readonly string[] = [
  ...["rls3", "runs", "evaluation", "environments", "settings", "sac", "vlm", "replay", "graph"].map(inTrainer),
  ...["rooms", "language", "random", "mean.ts", "tensor.ts"].map(inTrainer),
  ...["files/safetensors.ts", "files/tensor-file.ts"].map(inTrainer),
  // It gives environments their seeds.
  "protocol/world.ts",
  // The current folder of the catalogs, and the one at earlier commits.
  ...["unity-project/Packages/com.rls3.gym/Catalog~", "unity-project/catalog"],
  ...[":(exclude,glob)**/*.md", ":(exclude,glob)**/*.png"],
  // They decide whether a server is built and whether a run may go on after its end.
  ...["environments/dotnet-host.ts", "runs/longer-plan.ts"].map((file) => `:(exclude)${inTrainer(file)}`),
];
/** For runs whose base models the experiments pre-train. */
const BASES = ["benchmarks/experiments/bases.ts", "trainer/cli/labelled-images.ts"];

const analysisFile = (name: string): string => `benchmarks/experiments/analyses/${name}.ts`;
const READERS = "trainer/run-format/readers.ts";
/** What the measures of an analysis depend on besides. */
const MEASURED: Readonly<Record<string, readonly string[]>> = {
  hardest: [analysisFile("hardest"), "trainer/report/world.ts", READERS],
  planted: [analysisFile("planted"), READERS],
  transfer: ["transfer", "adapters"].map(analysisFile),
  "held-out": ["held-out", "adapters", "cameras"].map(analysisFile),
};

/** The files that a cell's numbers depend on. */
const filesOf = (record: RunRecord): string[] => [
  ...ALGORITHM,
  ...(baseOf(record) === null ? [] : BASES),
  ...Object.keys(record.measures).flatMap((analysis) => MEASURED[analysis] ?? [analysisFile(analysis)]),
];

/** Why a cell does not count, and what to do; null where it counts. */
export type Refusal = (record: RunRecord) => string | null;

const short = (commit: string): string => commit.slice(0, 7) + (commit.endsWith("+") ? "+" : "");

/**
 * `accepted`: commits that the user knows to give this algorithm's numbers, in full or their first digits, with "+"
 * where files differed. `repeats`: runs that gave the same numbers at another commit.
 */
export function refusals(accepted: readonly string[], repeats: readonly Repeat[]): Refusal {
  const wrong = accepted.find((commit) => !/^([0-9a-f]{7,40}\+?|unknown)$/.test(commit));
  if (wrong !== undefined) {
    throw new InputError(
      `--accept-commit: takes a commit as the message that refuses a cell names it, such as 82b8e34 or 82b8e34+, not "${wrong}"`,
    );
  }
  const isAccepted = (commit: string): boolean =>
    accepted.some((given) => given.endsWith("+") === commit.endsWith("+") && commit.startsWith(given.replace("+", "")));
  const known = new Map<string, string | null>();
  const difference = (commit: string, paths: readonly string[]): string | null => {
    const key = [commit, ...paths].join(" ");
    const before = known.get(key);
    if (before !== undefined) return before;
    const found = differenceSince(commit, paths);
    known.set(key, found);
    return found;
  };
  const { onnxruntime: installed = "" } = provenance().versions;
  return (record) => {
    const { commit, languageVersion, world, versions } = record;
    if (languageVersion !== LANGUAGE_VERSION) {
      return `was made with version ${languageVersion} of the language, and this code has ${LANGUAGE_VERSION}, which asks other questions about pictures; remove the file to repeat the run`;
    }
    if (world.digest !== worldDigest(loadCatalog(world.name).document)) {
      return `was made in another version of the world "${world.name}"; remove the file to repeat the run`;
    }
    if (isAccepted(commit)) return null;
    const paths = filesOf(record);
    const { onnxruntime = installed } = versions;
    const why =
      difference(commit, paths) ??
      (onnxruntime === installed ? null : `was made with onnxruntime ${onnxruntime}, and ${installed} is installed`);
    if (why === null) return null;
    const again = repeats.filter(
      (repeat) =>
        repeat.commit === commit &&
        repeat.combination === combinationOf(record) &&
        repeat.onnxruntime === installed &&
        Object.keys(record.measures).every((analysis) => repeat.measures.includes(analysis)),
    );
    if (again.some(({ sameAt }) => difference(sameAt, paths) === null)) return null;
    return `${why}; npm run experiment -- repeat NAME tells whether this code has the same numbers; if you know that it has, give --accept-commit ${commit === "unknown" ? commit : short(commit)}; or remove the file to repeat the run`;
  };
}

/**
 * Why the algorithm in a checkout may differ from the commit's; null where git finds no difference except unchanged
 * files that moved.
 */
export function differenceSince(commit: string, paths: readonly string[], checkout: string = root): string | null {
  const at = `was made at commit ${short(commit)}`;
  if (commit === "unknown") return "was made outside a checkout, at no known commit";
  if (commit.endsWith("+")) return `${at}: its files differed from that commit`;
  if (!/^[0-9a-f]{40}$/.test(commit)) return "does not name its commit";
  const git = (...args: string[]) => {
    // Without optional locks: git diff would rewrite the checkout's index.
    const env = { ...process.env, GIT_OPTIONAL_LOCKS: "0" };
    return spawnSync("git", args, { cwd: checkout, encoding: "utf8", env });
  };
  if (git("rev-parse", "--verify", "--quiet", `${commit}^{commit}`).status !== 0) {
    return `${at}, which git does not have here (git fetch, or git fetch --unshallow, may bring it)`;
  }
  // Compare with the working tree: uncommitted files are part of this code, too.
  const { status, stdout } = git("diff", "--name-status", "--find-renames=100%", commit, "--", ...paths);
  const changed = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("R100\t"));
  return status === 0 && changed.length === 0 ? null : `${at}, of another version of the algorithm`;
}
