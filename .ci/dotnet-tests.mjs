// The C# part of npm test: builds unity-project/dotnet's solution with warnings as errors, and runs its tests.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const SDK_MAJOR = 10;

/** The SDK reports nothing, and looks for no updates. */
const silent = {
  ...process.env,
  DOTNET_CLI_TELEMETRY_OPTOUT: "1",
  DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE: "true",
  DOTNET_NOLOGO: "1",
};

/** Whether a .NET SDK that can build the solution is installed. */
function hasSdk(root) {
  const { status, stdout } = spawnSync("dotnet", ["--version"], { cwd: root, encoding: "utf8", env: silent });
  return status === 0 && Number.parseInt(stdout, 10) >= SDK_MAJOR;
}

/**
 * Builds what vitest's workers start, before they need it: a build inside a worker would block it for longer than
 * vitest waits.
 */
export function buildHost(root) {
  if (!hasSdk(root)) return true;
  const program = `
    const { dotnetHostCommand } = await import("./dist/trainer/environments/dotnet-host.js");
    const { standInProgram } = await import("./dist/test/unity/stand-in.js");
    dotnetHostCommand();
    dotnetHostCommand(standInProgram);`;
  return (
    spawnSync(process.execPath, ["--input-type=module", "-e", program], { cwd: root, stdio: "inherit" }).status === 0
  );
}

/** Counts of `dotnet test`. Without a .NET SDK the tests are skipped, or with CI=true count as one failure. */
export function dotnetTests(root) {
  const folder = path.join(root, "unity-project/dotnet");
  if (!hasSdk(root)) {
    const required = process.env.CI === "true";
    console.log(
      `no .NET SDK ${SDK_MAJOR} was found: the C# tests ${required ? "can't run, and with CI=true that is a failure" : "are skipped"}; install version ${SDK_MAJOR} or newer from dot.net`,
    );
    return { passed: 0, failed: required ? 1 : 0 };
  }
  const results = mkdtempSync(path.join(tmpdir(), "rls3-dotnet-"));
  try {
    const run = spawnSync(
      "dotnet",
      [
        ...["test", "Rls3.Gym.sln", "--nologo", "-v", "q", "--disable-build-servers"],
        ...["--logger", "trx", "--results-directory", results],
      ],
      // Temporary files of MSBuild and the test host are removed with the results.
      { cwd: folder, stdio: "inherit", env: { ...silent, TMPDIR: results } },
    );
    const total = { passed: 0, failed: 0 };
    for (const name of readdirSync(results).filter((file) => file.endsWith(".trx"))) {
      const counters = /<Counters [^>]*>/.exec(readFileSync(path.join(results, name), "utf8"))?.[0] ?? "";
      const count = (key) => Number(new RegExp(`\\b${key}="(\\d+)"`).exec(counters)?.[1] ?? 0);
      total.passed += count("passed");
      // A test that was not executed did not pass.
      total.failed += count("total") - count("passed");
    }
    if (total.passed + total.failed === 0 || (run.status !== 0 && total.failed === 0)) total.failed += 1;
    return total;
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}
