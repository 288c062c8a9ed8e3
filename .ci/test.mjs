// npm test after .ci/prepare.mjs: formatter, linter, tests. The build checks types. Ends with "N passed, N failed".
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildHost, dotnetTests } from "./dotnet-tests.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const selected = process.argv.slice(2);
let passed = 0;
let failed = 0;

function step(title, args, env = {}) {
  console.log(`\n── ${title}`);
  const result = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  return result.status === 0;
}

/** One line per failure, repeated at the end, where the reader of a long log looks first. */
const failures = [];
const count = (ok, what) => {
  if (ok) passed += 1;
  else {
    failed += 1;
    failures.push(what);
  }
};

count(step("formatter and linter (biome)", ["node_modules/@biomejs/biome/bin/biome", "check", "."]), "biome check .");

if (selected.length === 0 || selected.some((name) => name.includes("unity")))
  count(buildHost(root), "the build of the headless .NET host");

// A separate temporary folder for the tests, so that leftovers of a test or the product show.
const firstLine = (text = "") => text.trim().split("\n")[0];
const scratch = mkdtempSync(path.join(tmpdir(), "rls3-tests-"));
const report = path.join(scratch, "report.json");
const reporters = ["--reporter=default", "--reporter=json", `--outputFile=${report}`];
const ok = step("tests (vitest)", ["node_modules/vitest/vitest.mjs", "run", ...reporters, ...selected], {
  TMPDIR: scratch,
});
let skipped = 0;
try {
  const summary = JSON.parse(readFileSync(report, "utf8"));
  passed += summary.numPassedTests;
  failed += summary.numFailedTests;
  skipped = summary.numPendingTests + summary.numTodoTests;
  const suites = summary.testResults.filter(
    (suite) => suite.status === "failed" && suite.assertionResults.length === 0,
  );
  failed += suites.length;
  for (const suite of suites) failures.push(`${path.relative(root, suite.name)}: ${firstLine(suite.message)}`);
  for (const suite of summary.testResults)
    for (const test of suite.assertionResults.filter(({ status }) => status === "failed"))
      failures.push(`${path.relative(root, suite.name)} › ${test.fullName}: ${firstLine(test.failureMessages[0])}`);
} catch (error) {
  console.error(`no test report was written: ${error.message}`);
}
/** Sockets of a killed .NET process: its runtime had no chance to remove them. */
const DOTNET_SOCKETS = /^(clr-debug-pipe|dotnet-diagnostic)-\d/;
const left = readdirSync(scratch).filter((name) => name !== "report.json" && !DOTNET_SOCKETS.test(name));
rmSync(scratch, { recursive: true, force: true });
count(left.length === 0, `left behind in the temporary folder: ${left.join(", ")}`);
if (!ok && failed === 0) count(false, "vitest did not end well; its output above says why");
if (skipped > 0 && process.env.CI === "true") {
  failures.push(`${skipped} tests were skipped, and with CI=true that is a failure; each says above what it misses`);
  failed += skipped;
}
if (selected.length === 0) {
  console.log("\n── C# tests (dotnet test)");
  const csharp = dotnetTests(root);
  passed += csharp.passed;
  failed += csharp.failed;
  if (csharp.failed > 0) failures.push(`${csharp.failed} C# tests; the output of dotnet test above names them`);
}
if (failures.length > 0) console.log("");
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
