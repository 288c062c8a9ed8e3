/**
 * @file cpu and webgpu give the same numbers. Without a GPU, this uses the software driver of Debian's chromium package
 * (SwiftShader), which runs the real WebGPU path.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { webgpuEnvironment } from "../webgpu-environment.js";

const parity = fileURLToPath(new URL("./parity.js", import.meta.url));

interface Result {
  readonly device: string;
  readonly numbers: Readonly<Record<string, readonly number[]>>;
}

async function runOn(device: string, env: NodeJS.ProcessEnv): Promise<Result> {
  const options = { env: { ...process.env, ...env }, maxBuffer: 2 ** 26, timeout: 220_000 };
  const { stdout } = await promisify(execFile)(process.execPath, [parity, device], options);
  return JSON.parse(stdout.slice(stdout.indexOf("{"))) as Result;
}

const environment = await webgpuEnvironment();

describe.skipIf(environment === undefined)("webgpu", () => {
  let cpu: Result;
  let webgpu: Result;
  beforeAll(async () => {
    cpu = await runOn("cpu", {});
    webgpu = await runOn("webgpu", environment ?? {});
  }, 450_000);

  const differing = (names: readonly string[], tolerance: number): string[] =>
    names.flatMap((name) => {
      const [a, b] = [cpu.numbers[name] ?? [], webgpu.numbers[name] ?? []];
      const scale = Math.max(1, ...a.map(Math.abs));
      const worst = Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? Number.NaN)) / scale));
      return worst <= tolerance && a.length === b.length && a.length > 0 ? [] : [`${name}: ${worst}`];
    });

  test("every operator, its gradient, and gradients through stored weights match the cpu's", () => {
    expect([cpu.device, webgpu.device]).toEqual(["cpu", "webgpu"]);
    const names = Object.keys(cpu.numbers).filter((name) => !name.includes("step"));
    expect(names.length).toBeGreaterThan(200);
    expect(names.filter((name) => name.includes("stored"))).toHaveLength(6);
    // WGSL guarantees only 2⁻¹¹ for sine and cosine.
    const rough = (name: string): boolean => /\b(sin|cos)$/.test(name);
    expect(
      differing(
        names.filter((name) => !rough(name)),
        1e-4,
      ),
    ).toEqual([]);
    expect(differing(names.filter(rough), 2 ** -11)).toEqual([]);
  });

  test("three training steps of a transformer, with variables that stay on the GPU, match the cpu's", () => {
    const names = Object.keys(cpu.numbers).filter((name) => name.includes("step"));
    expect(names).toHaveLength(7);
    expect(differing(names, 2e-4)).toEqual([]);
  });
});
