import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { root } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";

function leftOutPairs(...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [path.join(root, "dist/benchmarks/left-out-pairs.js"), ...args], { cwd: root });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}

describe("pairs that are left out", () => {
  it("match the numbers and the picture on the language's page", async () => {
    const file = path.join(temporaryFolder("left-out"), "left-out.png");
    const { code, out, err } = await leftOutPairs("--picture", file);
    expect(code, err).toBe(0);
    const page = readFileSync(path.join(root, "trainer/language/README.md"), "utf8");
    const counts = [...out.matchAll(/(\d[\d,]* of \d[\d,]* \(\d+\.\d).%\)/g)].map(([, found = ""]) => found);
    // Of pairs, of vertical ones and of the moved object's, in both worlds.
    for (const i of [0, 1, 3, 6, 7, 9]) expect(page).toContain(counts[i]);
    const captions = [...out.matchAll(/^ {2}(\d+\. )(The .*\.)$/gm)].map(([, , caption = ""]) => caption);
    expect(captions).toHaveLength(10);
    for (const [i, caption] of captions.entries()) expect(page).toContain(`| ${i + 1} | ${caption} |`);
    const [drawn, committed] = await Promise.all(
      [file, path.join(root, "trainer/language/left-out-pairs.png")].map((picture) => sharp(picture).metadata()),
    );
    expect([drawn?.width, drawn?.height]).toEqual([committed?.width, committed?.height]);
  }, 240_000);

  it("are the same for the same seed, and others for another", async () => {
    const [one, again, other] = await Promise.all(
      [7, 7, 8].map((seed) => leftOutPairs("--iterations", "1", "--seed", String(seed), "--json")),
    );
    expect(one?.code, one?.err).toBe(0);
    expect(again?.out).toBe(one?.out);
    expect(other?.out).not.toBe(one?.out);
    const { worlds } = JSON.parse(one?.out ?? "") as { worlds: Readonly<Record<string, number>>[] };
    for (const { leftOut = 0, vertical = 0, pairs = 0 } of worlds) {
      expect(leftOut).toBeGreaterThan(0);
      expect(leftOut).toBeLessThan(vertical);
      expect(vertical).toBeLessThan(pairs);
    }
  }, 240_000);

  it("are not counted for an invalid number of iterations: one line, exit code 2", async () => {
    const { code, err } = await leftOutPairs("--iterations", "0", "--picture", "/nowhere.png");
    expect([code, err]).toEqual([2, "left-out-pairs: --iterations is a whole number from 1 on, not 0\n"]);
    expect(existsSync("/nowhere.png")).toBe(false);
  });
});
