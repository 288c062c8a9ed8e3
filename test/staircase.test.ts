import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** The rooms from the top down: the rows of the table in trainer/README.md. */
const ROOMS = [...readFileSync(path.join(root, "trainer/README.md"), "utf8").matchAll(/^\| `([\w/.-]+)` \|/gm)].map(
  ([, room = ""]) => room.replace(/\.ts$/, ""),
);

/** Gradient rules are made of operators, which have gradient rules in turn. */
const MUTUAL = "trainer/graph/operators/";

/** "trainer/vlm/clip/tower.ts" → "trainer/vlm"; "trainer/errors.ts" → "trainer/errors"; "protocol/client.ts" → "protocol". */
function roomOf(file: string): string {
  const parts = file.replace(/\.(?:tsx?|js)$/, "").split("/");
  return parts[0] === "trainer" ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
}

function sources(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => `${folder}/${name.split(path.sep).join("/")}`);
}

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|new URL\(\s*)["'](\.{1,2}\/[^"']+)["']/g;
const files = ["protocol", "trainer", "benchmarks"].flatMap(sources);
const known = new Set(files);

/** The files that a file imports, types included. */
const imports = new Map(
  files.map((file) => {
    const text = readFileSync(path.join(root, file), "utf8");
    const targets = [...text.matchAll(IMPORT)].flatMap(([, target = ""]) => {
      const base = path.posix.join(path.posix.dirname(file), target).replace(/\.js$/, "");
      return [`${base}.ts`, `${base}.tsx`].filter((name) => known.has(name));
    });
    return [file, targets] as const;
  }),
);

describe("the staircase", () => {
  it("has every room in its list, and no other", () => {
    expect([...new Set(files.map(roomOf))].sort()).toEqual([...ROOMS].sort());
  });

  it("has a README in each of its folders", () => {
    const folders = ROOMS.filter((room) => statSync(path.join(root, room), { throwIfNoEntry: false })?.isDirectory());
    expect(folders.length).toBeGreaterThan(15);
    expect(folders.filter((room) => !existsSync(path.join(root, room, "README.md")))).toEqual([]);
  });

  it("is only descended: a room imports from rooms below it", () => {
    const climbing = [...imports].flatMap(([file, targets]) =>
      targets
        .filter((target) => ROOMS.indexOf(roomOf(target)) < ROOMS.indexOf(roomOf(file)))
        .map((target) => `${file} imports ${target}`),
    );
    expect(climbing).toEqual([]);
  });

  it("has no circle: no file imports itself through others", () => {
    const circles: string[] = [];
    const finished = new Set<string>();
    const visit = (file: string, way: readonly string[]): void => {
      if (way.includes(file)) {
        const circle = way.slice(way.indexOf(file));
        if (!circle.every((name) => name.startsWith(MUTUAL))) circles.push([...circle, file].join(" → "));
        return;
      }
      if (finished.has(file)) return;
      for (const target of imports.get(file) ?? []) visit(target, [...way, file]);
      finished.add(file);
    };
    for (const file of files) visit(file, []);
    expect(circles).toEqual([]);
  });
});
