/**
 * @file The .NET host for tests, built once if a .NET SDK is found. Without one, tests are skipped, which is a failure
 * in CI.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, describe, expect } from "vitest";
import { at } from "../../trainer/at.js";
import { dotnetHostCommand, dotnetMissing, type HostCommand } from "../../trainer/environments/dotnet-host.js";

const missing = dotnetMissing();
if (missing !== undefined) console.warn(`tests of the .NET host are skipped: ${missing}`);

/** `describe`, skipped with the reason in its title where the host cannot be built. */
export function describeHost(title: string, tests: () => void): void {
  describe.skipIf(missing !== undefined)(missing === undefined ? title : `${title} (skipped: ${missing})`, tests);
}

export const hostCommand = (): HostCommand => dotnetHostCommand();

/** A first build restores packages and compiles. */
export const BUILD_TIMEOUT = 10 * 60_000;

/** Opened by a test, closed after it. */
export const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

export interface BoundHost {
  readonly endpoint: string;
  readonly pid: number;
}

/**
 * A host bound to a free port, once it prints the port; with a given number of file descriptors, or the system's. It
 * must end with 0 when asked to.
 */
export async function bound(
  extra: readonly string[],
  envs = 2,
  descriptors?: number,
  { command, args } = hostCommand(),
): Promise<BoundHost> {
  const all = [command, ...args, "--bind", "tcp://127.0.0.1:*", "--envs", String(envs), ...extra];
  const limited = descriptors === undefined ? all : ["sh", "-c", `ulimit -n ${descriptors}; exec "$@"`, "sh", ...all];
  const child = spawn(at(limited, 0), limited.slice(1));
  closers.push(async () => {
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
    expect(child.exitCode).toBe(0);
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const endpoint = / at (tcp:\/\/[^\s,]+)/.exec(line)?.[1];
    if (endpoint !== undefined) return { endpoint, pid: child.pid ?? 0 };
  }
  throw new Error("the host ended without saying where it serves");
}
