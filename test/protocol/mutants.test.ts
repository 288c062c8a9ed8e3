/**
 * @file Tests the conformance suite itself: every numbered requirement of protocol/README.md has a check or a reason
 * for having none, and a server that breaks it on purpose fails that check.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { CHECKS, type CheckResult, checkServer, Peer } from "../../protocol/conformance/index.js";
import { REQUIREMENTS } from "../../protocol/conformance/requirements.js";
import { ANYWHERE } from "./peer.js";
import { MUTANTS, type Mutant, type MutantName } from "./small-server/mutants.js";
import { SmallServer } from "./small-server/server.js";

const SIDE_BY_SIDE = 4;
const ROOT = path.resolve(import.meta.dirname, "../../..");
const specification = readFileSync(path.join(ROOT, "protocol/README.md"), "utf8");
const numbers = [...specification.matchAll(/\[([A-Z]\d+)\](?!\()/g)].map(([, number]) => number as string);

/** Paragraphs, list entries and table rows of the requirements, without code. */
function blocks(): string[] {
  const required = specification.slice(specification.indexOf("## Transport"), specification.indexOf("## Levels"));
  const lines = required
    .replace(/```.*?```/gs, "")
    .replace(/`[^`\n]*`/g, "")
    .split("\n");
  return lines
    .map((line) => (line === "" || /^(- |\d+\. |\||#)/.test(line) ? `\0${line}` : line))
    .join(" ")
    .split("\0");
}

/**
 * Sentences with "must" that add nothing for a server to the numbered requirements below them: about clients, or
 * summaries.
 */
const OF_NO_SERVER = [/^A client that gives up waiting/, /^A step must not be executed twice/];

/** Runs the suite; `until` ends it at a result. */
async function check(
  options: Partial<Mutant> & { readonly broken?: MutantName },
  until: (result: CheckResult) => boolean = () => false,
): Promise<readonly CheckResult[]> {
  const { token, connect = false, broken } = options;
  const open = (endpoint: string): Promise<Peer> =>
    Peer.open({
      endpoint,
      bind: connect,
      patience: 2000,
      longestSilence: 1000,
      wrongOptions: { position: -1 },
      ...(token === undefined ? {} : { token }),
    });
  const listening = connect ? await open(ANYWHERE) : undefined;
  const server = await SmallServer.open({
    broken,
    token,
    ...(options.graphics === null ? { graphics: null } : {}),
    ...(listening === undefined ? {} : { connect: listening.endpoint }),
  });
  const own = listening ?? (await open(server.endpoint));
  try {
    return (await checkServer(own, undefined, until)).checks;
  } finally {
    own.close();
    server.close();
  }
}

const failing = (checks: readonly CheckResult[]): string[] =>
  checks.filter(({ outcome }) => outcome === "failed").map(({ name, detail }) => `${name}: ${detail}`);

describe("the table of requirements", () => {
  it("has a row for each number in the text, which occurs there once, and no other row", () => {
    expect(numbers.length).toBeGreaterThan(90);
    expect([...new Set(numbers)].length).toBe(numbers.length);
    expect(Object.keys(REQUIREMENTS).sort()).toEqual([...numbers].sort());
  });

  it("covers every must in the text by a number", () => {
    const demands = blocks().filter((block) => /\bmust\b/i.test(block));
    expect(demands.length).toBeGreaterThan(10);
    const bare = demands.filter((block) => !/\[[A-Z]\d+\]/.test(block));
    expect(bare.filter((block) => !OF_NO_SERVER.some((client) => client.test(block.trim())))).toEqual([]);
  });

  it("names the tests for what the suite cannot see, and they exist", () => {
    const reasons = Object.values(REQUIREMENTS).flatMap((row) => ("unseen" in row ? [row.unseen] : []));
    const files = reasons.flatMap((why) => [...why.matchAll(/[\w./-]+\.(?:ts|cs)\b/g)].map(([file]) => file));
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
  });

  it("names checks that exist, and each check of the suite", () => {
    const named = Object.values(REQUIREMENTS).flatMap((row) => ("checks" in row ? row.checks : []));
    const known = CHECKS.map(({ name }) => name);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
    expect(known.filter((name) => !named.includes(name))).toEqual([]);
  });

  it("has a mutant for each requirement with checks, and none for the others", () => {
    const broken = new Set<string>(Object.values(MUTANTS).map(({ breaks }) => breaks));
    const seen = Object.entries(REQUIREMENTS).filter(([, row]) => "checks" in row);
    expect([...broken].sort()).toEqual(seen.map(([number]) => number).sort());
  });
});

describe("the conformance suite", () => {
  it.each<[string, Partial<Mutant>]>([
    ["that binds", {}],
    ["that connects", { connect: true }],
    ["without a renderer", { graphics: null }],
    ["that asks for a token", { token: "a token of some length" }],
  ])("finds nothing wrong with the small server %s", async (_, options) => {
    const checks = await check(options);
    expect(failing(checks)).toEqual([]);
    expect(checks.length).toBeGreaterThan(60);
  });

  it("notices a server that breaks a requirement, for each requirement", { timeout: 600_000 }, async () => {
    const started = performance.now();
    const names = Object.keys(MUTANTS) as MutantName[];
    const missed: string[] = [];
    const next = names.values();
    const work = async (): Promise<void> => {
      for (const broken of next) {
        const mutant = MUTANTS[broken];
        const row = REQUIREMENTS[mutant.breaks];
        const checks = row !== undefined && "checks" in row ? row.checks : [];
        const notices = ({ name, outcome }: CheckResult): boolean => outcome === "failed" && checks.includes(name);
        const results = await check({ ...mutant, broken }, notices);
        const said = failing(results).map((line) => line.slice(0, 150));
        if (!results.some(notices))
          missed.push(`${broken} (${mutant.breaks}): ${said.join(" | ") || "nothing failed"}`);
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
    const found = names.length - missed.length;
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    const seen = Object.values(REQUIREMENTS).filter((row) => "checks" in row).length;
    const unseen = numbers.length - seen;
    console.log(
      `${found} of ${names.length} mutants of ${seen} requirements noticed in ${seconds} s; ${unseen} more can't be seen`,
    );
    expect(missed).toEqual([]);
  });
});
