/** @file The .NET host for tests: built once where a .NET SDK is found; without one, tests are skipped, which is a failure in CI. */
import { describe } from "vitest";
import { dotnetHostCommand, dotnetMissing, type HostCommand } from "../../trainer/rls3/dotnet-host.js";

const missing = dotnetMissing();
if (missing !== undefined) console.warn(`tests of the .NET host are skipped: ${missing}`);

/** `describe`, skipped with the reason in its title where no host can be built. */
export function describeHost(title: string, tests: () => void): void {
  describe.skipIf(missing !== undefined)(missing === undefined ? title : `${title} (skipped: ${missing})`, tests);
}

export const hostCommand = (): HostCommand => dotnetHostCommand();

/** A first build restores packages and compiles. */
export const BUILD_TIMEOUT = 10 * 60_000;
