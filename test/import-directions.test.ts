import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** What each place may import of ours, besides itself. A file that needs more is in the wrong folder. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  "trainer/random": [],
  "trainer/errors": [],
  "trainer/language": ["trainer/random"],
  "trainer/rooms": ["protocol", "trainer/random", "trainer/errors"],
  "trainer/graph": ["trainer/random", "trainer/errors"],
  "trainer/replay": ["trainer/random", "trainer/errors"],
  "trainer/sac": ["trainer/graph", "trainer/replay", "trainer/random", "trainer/errors"],
  "trainer/vlm": ["trainer/graph", "trainer/language", "trainer/random", "trainer/errors"],
  "trainer/report": ["trainer/language", "trainer/random", "trainer/errors"],
  "trainer/rls3": [
    "protocol",
    "trainer/errors",
    "trainer/graph",
    "trainer/language",
    "trainer/random",
    "trainer/replay",
    "trainer/report",
    "trainer/rooms",
    "trainer/sac",
    "trainer/vlm",
  ],
  "trainer/sweep": ["trainer/rls3", "trainer/report", "trainer/language", "trainer/errors", "trainer/random"],
};
/** At the top of the house: they may import everything, and nothing below imports them. */
const TOP = ["trainer/cli", "benchmarks"];

/** "trainer/vlm/clip/tower.ts" → "trainer/vlm"; "trainer/errors.ts" → "trainer/errors"; "protocol/client.ts" → "protocol". */
function place(file: string): string {
  const parts = file.replace(/\.(?:tsx?|js)$/, "").split("/");
  return parts[0] === "trainer" ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
}

function sources(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => `${folder}/${name.split(path.sep).join("/")}`);
}

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|new URL\(\s*)["'](\.{1,2}\/[^"']+)["']/g;

describe("imports point one way", () => {
  const files = ["protocol", "trainer", "benchmarks"].flatMap(sources);

  it("between folders that are all known", () => {
    const places = new Set(files.map(place));
    expect([...places].filter((name) => !(name in MAY_IMPORT) && !TOP.includes(name))).toEqual([]);
  });

  it("and never back", () => {
    const wrong: string[] = [];
    for (const file of files) {
      const from = place(file);
      const allowed = MAY_IMPORT[from];
      if (allowed === undefined) continue;
      for (const [, target = ""] of readFileSync(path.join(root, file), "utf8").matchAll(IMPORT)) {
        const to = place(path.posix.join(path.posix.dirname(file), target));
        const outside = !/^(?:protocol|trainer|benchmarks|test)(?:\/|$)/.test(to);
        if (!outside && to !== from && !allowed.includes(to)) wrong.push(`${file} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
