/** @file The page about a run's files matches a real run: it has every file, key and column, and no other. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { rls3, root, tiny } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";

const folder = path.join(temporaryFolder("page"), "run");
const page = readFileSync(path.join(root, "trainer/run-format/README.md"), "utf8");

/** The code in the first column of the tables under a heading, in order. */
function named(heading: string, table = 0): string[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows =
    section
      .trim()
      .split("\n\n")
      .filter((part) => part.startsWith("|"))[table] ?? "";
  return rows
    .split("\n")
    .slice(2)
    .flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name));
}

const header = (file: string): string[] =>
  readFileSync(path.join(folder, file), "utf8").split("\n")[0]?.split(",") ?? [];

beforeAll(async () => {
  const { code, err } = await rls3("train", ...tiny(2), "--out", folder);
  expect(code, err).toBe(0);
}, 120_000);

describe("the page of a run's files", () => {
  it("has every file of a run, and no other", () => {
    const found = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
    const pattern = (name: string): string =>
      name
        .replace(/tfevents\.\d+/, "tfevents.TIME")
        .replace(/\b\d{4}(?=[./-]|$)/, "NNNN")
        .replace(/episode\d+-step\d+/, "episodeE-stepS");
    expect([...new Set(found.map(pattern))].sort()).toEqual(named("A run's folder").sort());
  });

  it.each(["metrics.csv", "episodes.csv", "timings.csv"])("has the columns of %s, in their order", (file) => {
    expect(named(file)).toEqual(header(file));
  });

  it("has the keys of config.json", () => {
    const config = JSON.parse(readFileSync(path.join(folder, "config.json"), "utf8")) as object;
    expect(named("config.json")).toEqual(Object.keys(config));
  });

  it("has the keys of samples and of their captions", () => {
    const lines = readdirSync(path.join(folder, "samples"))
      .filter((name) => name.endsWith(".jsonl"))
      .flatMap((name) =>
        readFileSync(path.join(folder, "samples", name), "utf8")
          .trimEnd()
          .split("\n"),
      )
      .map((line) => JSON.parse(line) as { captions: object[] });
    const keys = (objects: readonly object[]): string[] =>
      [...new Set(objects.flatMap((one) => Object.keys(one)))].sort();
    expect(named("samples/NNNN.jsonl").sort()).toEqual(keys(lines));
    // A model that ranks captions has no prompt and says nothing.
    const ofCaptions = named("samples/NNNN.jsonl", 1).filter((key) => key !== "prompt" && key !== "said");
    expect(ofCaptions.sort()).toEqual(keys(lines.flatMap(({ captions }) => captions)));
  });
});
