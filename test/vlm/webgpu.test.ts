/**
 * @file A model of each family matches its reference numbers on webgpu, in a separate process, since a driver may crash
 * it.
 */
import { execFile } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { webgpuEnvironment } from "../webgpu-environment.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const main = path.join(root, "dist/trainer/cli/main.js");
const environment = await webgpuEnvironment();

describe.skipIf(environment === undefined)("on webgpu", () => {
  it.each([
    ["siglip-tiny", 500],
    ["paligemma2-tiny", 300],
  ])("%s meets its reference numbers", { timeout: 400_000 }, async (model, least) => {
    const flags = ["vlm", "verify", path.join(root, "test/golden", model), "--device", "webgpu", "--json"];
    const env = { ...process.env, ...environment };
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...flags], { env });
    const { compared, failures } = JSON.parse(stdout) as { compared: number; failures: string[] };
    expect(failures).toEqual([]);
    expect(compared).toBeGreaterThan(least);
  });
});
