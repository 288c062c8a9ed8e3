/**
 * @file Where webgpu can be tested: on this machine's GPU, or on the software driver of Debian's chromium package
 * (SwiftShader).
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { probeDevices } from "../trainer/graph/index.js";
import { temporaryFolder } from "./temporary.js";

const CHROMIUM = "/usr/lib/chromium";
const DRIVER = path.join(CHROMIUM, "vk_swiftshader_icd.json");

/**
 * The environment variables with which webgpu works. undefined, after printing why, where it cannot be tested; with
 * CI=true it is tested anyway, and fails.
 */
export async function webgpuEnvironment(): Promise<NodeJS.ProcessEnv | undefined> {
  if ((await probeDevices()).some(({ device, works }) => device === "webgpu" && works)) return {};
  if (existsSync(DRIVER)) {
    return {
      VK_ICD_FILENAMES: DRIVER,
      LD_LIBRARY_PATH: [CHROMIUM, process.env["LD_LIBRARY_PATH"]].filter(Boolean).join(":"),
      XDG_RUNTIME_DIR: process.env["XDG_RUNTIME_DIR"] ?? temporaryFolder("xdg"),
    };
  }
  if (process.env["CI"] === "true") return {};
  console.warn(
    "webgpu is not tested: no GPU works here, and Debian's chromium package, whose software driver would do, is not installed",
  );
  return undefined;
}
