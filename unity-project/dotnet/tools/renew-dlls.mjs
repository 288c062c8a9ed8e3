// Brings the package's managed DLLs (Packages/com.rls3.gym/Plugins) to the versions of plugins.json, from NuGet. For maintainers, after
// they have changed a version there: users have the DLLs with the package. A file whose hash is not the one in plugins.json is refused.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const tools = path.dirname(fileURLToPath(import.meta.url));
const folder = path.resolve(tools, "../../Packages/com.rls3.gym/Plugins");

function dotnet(...args) {
  const run = spawnSync("dotnet", args, { encoding: "utf8", cwd: path.dirname(tools) });
  if (run.status === 0) return run.stdout;
  console.error(`dotnet ${args.join(" ")} failed: ${run.error?.message ?? run.stdout.trim()}`);
  process.exit(3);
}

dotnet("restore", "Rls3.Gym.Tests");
const packages = dotnet("nuget", "locals", "global-packages", "--list").replace(/^[^:]*:\s*/, "").trim();
mkdirSync(folder, { recursive: true });
for (const dll of JSON.parse(readFileSync(path.join(tools, "plugins.json"), "utf8")).dlls) {
  const source = path.join(packages, dll.package.toLowerCase(), dll.version, dll.file);
  const bytes = readFileSync(source);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== dll.sha256) {
    console.error(`${source} is not the file that plugins.json names: its SHA-256 is ${sha256}, not ${dll.sha256}`);
    process.exit(1);
  }
  writeFileSync(path.join(folder, path.basename(dll.file)), bytes);
  console.log(`Plugins/${path.basename(dll.file)} (${dll.package} ${dll.version}); now node meta.mjs, and Third Party Notices.md`);
}
