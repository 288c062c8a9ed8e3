/** @file Finds runs, comparisons and sweeps below a folder. It follows no symbolic links, so that everything shown is in the folder. */
import { type Dirent, readdirSync } from "node:fs";
import path from "node:path";

/** A comparison's runs lie in runs/<arm>-<seed>, a sweep's in cells/<cell>-<seed>. */
const KINDS: Readonly<Record<string, "comparison" | "sweep">> = { runs: "comparison", cells: "sweep" };
const NEVER = new Set(["node_modules", "shared", "samples", "checkpoints", "adapter"]);
const DEEPEST = 6;
const MOST_FOLDERS = 20_000;

export interface Place {
  readonly id: string;
  readonly folder: string;
  /** Id of the comparison, sweep or folder that it lies in. */
  readonly group: string | null;
}

export interface FoundGroup {
  readonly id: string;
  readonly folder: string;
  readonly kind: "comparison" | "sweep" | "folder";
}

export interface Found {
  readonly runs: readonly Place[];
  readonly groups: readonly FoundGroup[];
  /** Whether there were more folders than are looked at. */
  readonly cut: boolean;
}

const entriesOf = (folder: string): Dirent[] => {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // It is gone again, or not ours to read: then there is nothing of it to show.
    return [];
  }
};

/** `known` runs are not opened again. */
export function findRuns(root: string, known: ReadonlySet<string>): Found {
  const runs: Place[] = [];
  const groups = new Map<string, FoundGroup>();
  let left = MOST_FOLDERS;

  const idOf = (folder: string): string => path.relative(root, folder).split(path.sep).join("/") || ".";

  /** The comparison, sweep or plain folder that a run lies in; null for one that lies in what is shown itself. */
  const groupOf = (folder: string): string | null => {
    const parent = path.dirname(folder);
    if (folder === root || parent === root) return null;
    const kind = KINDS[path.basename(parent)];
    const holder = kind === undefined ? parent : path.dirname(parent);
    const id = idOf(holder);
    const before = groups.get(id);
    if (before === undefined || before.kind === "folder") {
      groups.set(id, { id, folder: holder, kind: kind ?? "folder" });
    }
    return id;
  };

  const visit = (folder: string, depth: number): void => {
    if (left-- <= 0) return;
    const isKnown = known.has(idOf(folder));
    const entries = isKnown ? [] : entriesOf(folder);
    if (isKnown || entries.some((entry) => entry.isFile() && entry.name === "metrics.csv")) {
      runs.push({ id: idOf(folder), folder, group: groupOf(folder) });
      return;
    }
    if (depth === DEEPEST) return;
    for (const entry of entries) {
      if (!entry.isDirectory() || entry.name.startsWith(".") || NEVER.has(entry.name)) continue;
      visit(path.join(folder, entry.name), depth + 1);
    }
  };
  visit(root, 0);
  return { runs, groups: [...groups.values()], cut: left < 0 };
}
