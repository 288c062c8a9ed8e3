// Fetches the managed DLLs that the package's Transport needs inside Unity: from NuGet, at the versions and hashes of
// plugins.json, into Packages/com.rls3.gym/Plugins. Run it once before the project is first opened in Unity.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { guidOf, metaOf } from "./meta.mjs";

const tools = path.dirname(fileURLToPath(import.meta.url));
const folder = "Packages/com.rls3.gym/Plugins";
const project = path.resolve(tools, "../..");

function dotnet(...args) {
  const run = spawnSync("dotnet", args, { encoding: "utf8", cwd: path.dirname(tools) });
  if (run.status === 0) return run.stdout;
  console.error(`dotnet ${args.join(" ")} failed: ${run.error?.message ?? run.stdout.trim()}`);
  process.exit(3);
}

const pluginMeta = (asset) => `fileFormatVersion: 2
guid: ${guidOf(asset)}
PluginImporter:
  externalObjects: {}
  serializedVersion: 2
  iconMap: {}
  executionOrder: {}
  defineConstraints: []
  isPreloaded: 0
  isOverridable: 1
  isExplicitlyReferenced: 0
  validateReferences: 0
  platformData:
  - first:
      Any: 
    second:
      enabled: 1
      settings: {}
  userData: 
  assetBundleName: 
  assetBundleVariant: 
`;

dotnet("restore", "Rls3.Gym");
const packages = dotnet("nuget", "locals", "global-packages", "--list").replace(/^[^:]*:\s*/, "").trim();
mkdirSync(path.join(project, folder), { recursive: true });
writeFileSync(path.join(project, `${folder}.meta`), metaOf(folder, true));
for (const dll of JSON.parse(readFileSync(path.join(tools, "plugins.json"), "utf8")).dlls) {
  const source = path.join(packages, dll.package.toLowerCase(), dll.version, dll.file);
  const sha256 = createHash("sha256").update(readFileSync(source)).digest("hex");
  if (sha256 !== dll.sha256) {
    console.error(`${source} is not the file that plugins.json names: its SHA-256 is ${sha256}, not ${dll.sha256}`);
    process.exit(1);
  }
  const asset = `${folder}/${path.basename(dll.file)}`;
  copyFileSync(source, path.join(project, asset));
  writeFileSync(path.join(project, `${asset}.meta`), pluginMeta(asset));
  console.log(`${asset} (${dll.package} ${dll.version})`);
}
