import { spawnSync } from "node:child_process";
import path from "node:path";
import { describe, expect, it } from "vitest";

const program = path.resolve(import.meta.dirname, "../../../benchmarks/performance/memory.js");
const MIB = 2 ** 20;

/** A process that holds this much for a second, as a grandchild: the whole tree is measured. */
const holder = (mebibytes: number): string[] => {
  const holds = `const held = Buffer.alloc(${mebibytes * MIB}, 1); setTimeout(() => held.at(0), 1000)`;
  return ["--", "sh", "-c", `"$0" -e "$1" & wait`, process.execPath, holds];
};

const memory = (...args: readonly string[]) => spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });

describe.skipIf(process.platform !== "linux")("npm run memory", () => {
  it("counts the memory of the command's child processes", () => {
    const { status, stdout, stderr } = memory("--most", "1", ...holder(512));
    expect(status, stderr).toBe(0);
    const peak = Number(/^peak memory: ([\d.]+) GiB in 2 processes together/m.exec(stdout)?.[1]);
    expect(peak).toBeGreaterThan(0.5);
    expect(peak).toBeLessThan(0.7);
  });

  it("ends with exit code 1 where the peak is above the limit", () => {
    const { status, stderr } = memory("--most", "0.4", ...holder(512));
    expect(status).toBe(1);
    expect(stderr).toContain("must stay below 0.4 GiB");
  });

  it("fails where the command fails, whatever its memory", () => {
    const { status, stderr } = memory("--", process.execPath, "-e", "process.exit(3)");
    expect(status).toBe(2);
    expect(stderr).toContain("exit code 3");
  });
});
