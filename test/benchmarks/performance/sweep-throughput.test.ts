import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { root, tiny } from "../../runs/runs.js";

interface Result {
  readonly ratio: number;
  readonly overhead: number;
  readonly cellsPerHourAlone: number;
  readonly cellsPerHourTogether: number;
  readonly overheadSeconds: number;
}

describe("the benchmark of a sweep's throughput", () => {
  it("measures two cells alone and together, tells by its exit code whether both limits hold, and leaves nothing behind", async () => {
    const ours = () => readdirSync(tmpdir()).filter((name) => name.startsWith("rls3-throughput-"));
    const before = ours();
    const script = path.join(root, "dist/benchmarks/performance/sweep-throughput.js");
    const child = spawn(process.execPath, [script, ...tiny(1), "--agent", "random", "--quiet", "--json"], {
      cwd: root,
    });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(err).toBe("");
    const result = JSON.parse(out) as Result;
    expect(result.ratio).toBeCloseTo(result.cellsPerHourTogether / result.cellsPerHourAlone, 9);
    // A run of a second consists mostly of starting and ending its process.
    expect(result.overhead).toBeGreaterThan(0.05);
    expect(result.overhead).toBeLessThan(1);
    expect(result.overheadSeconds).toBeGreaterThan(0.1);
    expect(code).toBe(1);
    expect(ours().filter((name) => !before.includes(name))).toEqual([]);
  }, 240_000);
});
