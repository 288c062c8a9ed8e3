/** @file A whole run on the host's states gives, to the bit, what one on the embedded environment gives. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BUILD_TIMEOUT, describeHost, hostCommand } from "./host.js";

const program = path.resolve(import.meta.dirname, "../../trainer/cli/main.js");
const folder = mkdtempSync(path.join(tmpdir(), "rls3-trained-"));

function train(name: string, environment: readonly string[]): string {
  const out = path.join(folder, name);
  const sizes = ["--iterations", "1", "--test-images-per-relation", "2", "--natural-images", "20"];
  const args = ["train", "--quick", "--seed", "5", ...sizes, ...environment, "--out", out];
  const run = spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
  expect(run.status, run.stderr).toBe(0);
  return out;
}

describeHost("rls3 train", () => {
  beforeAll(() => void hostCommand(), BUILD_TIMEOUT);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("with --env dotnet --render embedded has the metrics and episodes of --env embedded", { timeout: 180_000 }, () => {
    const embedded = train("embedded", ["--env", "embedded"]);
    const dotnet = train("dotnet", ["--env", "dotnet", "--render", "embedded"]);
    for (const file of ["metrics.csv", "episodes.csv"]) {
      expect(readFileSync(path.join(dotnet, file), "utf8")).toBe(readFileSync(path.join(embedded, file), "utf8"));
    }
  });

  it("with --env dotnet alone says that it renders no images, and what to do", () => {
    const args = ["train", "--quick", "--env", "dotnet", "--out", path.join(folder, "blind")];
    const run = spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
    expect(run.status).toBe(3);
    expect(run.stderr).toMatch(/renders no images.*--render embedded/);
  });
});
