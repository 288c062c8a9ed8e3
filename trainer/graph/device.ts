/**
 * @file Which execution provider a `--device` means, whether it works on this machine, and if not, what to install.
 * Each device is tried in its own process: a broken driver may crash it, and onnxruntime writes to standard error.
 */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { at } from "../at.js";
import { InputError, UnavailableError } from "../errors.js";
import { cudaNeeds, toolkit } from "./cuda-libraries.js";
import type { ProbeResult } from "./probe.js";

export interface DeviceReport {
  readonly device: string;
  readonly works: boolean;
  /** How fast it multiplies matrices; or what is missing, and what to do. */
  readonly detail: string;
  /** GFLOP/s in matrix products of 512²; 0 where it does not work. */
  readonly speed: number;
}

export interface ChosenDevice {
  /** "cpu", "webgpu" or "cuda:N". */
  readonly device: string;
  /** Why this device was chosen: a sentence for the log. */
  readonly reason: string;
}

const PROBE_TIMEOUT = 120_000;
/**
 * `auto` leaves the cpu only for a device at least this many times as fast: small models lose more to copies than they
 * gain.
 */
const WORTH_LEAVING = 2;

/** "auto", or onnxruntime's name of the device. */
export function parseDevice(text: string): string {
  if (text === "auto" || text === "cpu" || text === "webgpu") return text;
  if (text === "cuda") return "cuda:0";
  if (/^cuda:\d{1,3}$/.test(text)) return text;
  throw new InputError(
    `--device ${text}: no such device; use auto, cpu, webgpu, cuda or cuda:N (the N-th GPU, from 0)`,
  );
}

/**
 * The device to use, tested. Never falls back to another device than the requested one: throws an error that says what
 * is missing.
 */
export async function chooseDevice(text: string): Promise<ChosenDevice> {
  const device = parseDevice(text);
  if (device === "auto") return chooseFastest();
  if (device === "cpu") return { device, reason: "cpu, as asked for" };
  const report = await probeDevice(device);
  if (report.works) return { device, reason: `${device}, as asked for (${report.detail})` };
  const working = (await probeDevices()).filter((other) => other.works).map((other) => other.device);
  throw new UnavailableError(
    `--device ${text} does not work here: ${report.detail}. What works: ${working.join(", ")}`,
  );
}

async function chooseFastest(): Promise<ChosenDevice> {
  const others = await Promise.all(["webgpu", "cuda:0"].map(probeDevice));
  const best = others.filter((report) => report.works).sort((a, b) => b.speed - a.speed)[0];
  if (!best) {
    return {
      device: "cpu",
      reason: `cpu: ${others.map(({ device }) => device).join(" and ")} do not work here (rls3 doctor says what is missing)`,
    };
  }
  const cpu = await probeDevice("cpu");
  const against = `${shown(best.speed)} GFLOP/s in matrix products against the cpu's ${shown(cpu.speed)}`;
  return best.speed > WORTH_LEAVING * cpu.speed
    ? { device: best.device, reason: `${best.device}: ${against}` }
    : { device: "cpu", reason: `cpu: ${best.device} works, but ${against} is not ${WORTH_LEAVING} times as fast` };
}

const shown = (speed: number): string => String(Number(speed.toPrecision(2)));

const reports = new Map<string, Promise<DeviceReport>>();

/** What works on this machine, the cpu first; for `rls3 doctor` and `auto`. */
export async function probeDevices(): Promise<readonly DeviceReport[]> {
  const found: DeviceReport[] = [];
  // One after another, because they are timed.
  for (const device of ["cpu", "webgpu", "cuda:0"]) found.push(await probeDevice(device));
  return found;
}

/** Tries a device once per process; later calls return the same report. */
export function probeDevice(device: string): Promise<DeviceReport> {
  const known = reports.get(device);
  if (known) return known;
  const report = runProbe(device);
  reports.set(device, report);
  return report;
}

function runProbe(device: string): Promise<DeviceReport> {
  const script = fileURLToPath(new URL("./probe.js", import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [script, device], { timeout: PROBE_TIMEOUT }, (failure, stdout, stderr) => {
      const result = parseProbe(stdout);
      if (result?.speed !== undefined) {
        const detail = `${shown(result.speed)} GFLOP/s in matrix products`;
        resolve({ device, works: true, detail, speed: result.speed });
        return;
      }
      const ended = failure?.killed
        ? `no answer within ${PROBE_TIMEOUT / 1000} seconds`
        : `the process that tried it ended (${failure?.signal ?? failure?.code ?? "no result"})`;
      resolve({ device, works: false, detail: explain(device, result?.error ?? ended, stderr), speed: 0 });
    });
  });
}

function parseProbe(stdout: string): ProbeResult | undefined {
  const line = stdout.split("\n").find((text) => text.startsWith("{"));
  return line === undefined ? undefined : (JSON.parse(line) as ProbeResult);
}

/**
 * The command that downloads the CUDA provider, wherever npm put onnxruntime-node. "cuda12" is npm's name; the download
 * may need a newer CUDA (see cuda-libraries.ts).
 */
function installCuda(): string {
  const folder = path.dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
  return `ONNXRUNTIME_NODE_INSTALL=cuda12 node ${path.relative(process.cwd(), path.join(folder, "script/install.js"))}`;
}

/** Translates onnxruntime's error into what the user must install. */
export function explain(
  device: string,
  error: string,
  stderr: string,
  platform = `${process.platform} ${process.arch}`,
): string {
  const said = `${error}\n${stderr}`;
  const missing = /([\w.+-]+\.so(?:\.\d+)*): cannot open shared object file/.exec(said)?.[1];
  const firstLine = at(error.split("\n"), 0).trim();
  if (device === "cpu") return `onnxruntime cannot be used: ${firstLine}`;
  if (device === "webgpu") {
    if (missing?.startsWith("libvulkan")) {
      return `the Vulkan loader ${missing} is missing; install it (Debian and Ubuntu: apt-get install libvulkan1) and the GPU's Vulkan driver (mesa-vulkan-drivers, or NVIDIA's own)`;
    }
    if (/adapter/i.test(said)) {
      return `no GPU with a Vulkan, Metal or Direct3D 12 driver was found; install the GPU's driver (Debian and Ubuntu: mesa-vulkan-drivers, or NVIDIA's own; vulkaninfo shows what is seen)`;
    }
    return `onnxruntime's webgpu says: ${firstLine}`;
  }
  if (platform !== "linux x64" && /not found|not supported|Failed to load shared library/i.test(said)) {
    return `onnxruntime-node has CUDA for Linux on x64 only, and this is ${platform}`;
  }
  const needs = cudaNeeds();
  const { cuda, driver, linked } = needs;
  if (missing?.startsWith("libonnxruntime_providers")) {
    return `the CUDA part of onnxruntime-node is not installed (npm does not bundle it); run: ${installCuda()}, and see that an NVIDIA driver and ${toolkit(needs)} are installed`;
  }
  if (missing) {
    return `${missing} is missing; install ${toolkit(needs)} (${linked.join(", ")}), and put their folders on LD_LIBRARY_PATH`;
  }
  if (/invalid device ordinal|invalid device id|device_id/i.test(said)) {
    return `there is no GPU number ${device.slice(5)}; nvidia-smi -L lists them, counted from 0`;
  }
  if (/no CUDA-capable device|driver version is insufficient|CUDA_ERROR_NO_DEVICE/i.test(said)) {
    return `no usable NVIDIA GPU or too old a driver (nvidia-smi shows both); CUDA ${cuda} needs driver ${driver} or later`;
  }
  if (/Failed to load shared library/.test(said)) {
    return `CUDA libraries could not be loaded; run: ${installCuda()}, and install ${toolkit(needs)}`;
  }
  return `onnxruntime's CUDA says: ${firstLine}`;
}
