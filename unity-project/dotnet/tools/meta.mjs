// Writes the .meta file of each asset, with a GUID that is the MD5 of its path: stable, and the same on every machine.
//   node meta.mjs            writes what is missing and removes what has lost its asset
//   node meta.mjs --check    says what is missing, left over or double, and exits 1 if anything is
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const PACKAGE = "Packages/com.rls3.gym";
const samples = readdirSync(path.join(project, PACKAGE, "Samples~"));
/** A sample is copied into a project with its .meta files: its scenes find their scripts by GUID. */
const ROOTS = ["Assets", PACKAGE, ...samples.map((name) => `${PACKAGE}/Samples~/${name}`)];

const common = "  externalObjects: {}\n  userData: \n  assetBundleName: \n  assetBundleVariant: \n";
const plain = (importer) => `${importer}:\n${common}`;
const IMPORTERS = {
  ".cs": `MonoImporter:\n  externalObjects: {}\n  serializedVersion: 2\n  defaultReferences: []\n  executionOrder: 0\n  icon: {instanceID: 0}\n  userData: \n  assetBundleName: \n  assetBundleVariant: \n`,
  ".asmdef": plain("AssemblyDefinitionImporter"),
  ".shader": `ShaderImporter:\n  externalObjects: {}\n  defaultTextures: []\n  nonModifiableTextures: []\n  preprocessorOverride: 0\n  userData: \n  assetBundleName: \n  assetBundleVariant: \n`,
  ".asset": `NativeFormatImporter:\n  externalObjects: {}\n  mainObjectFileID: 11400000\n  userData: \n  assetBundleName: \n  assetBundleVariant: \n`,
  ".mat": `NativeFormatImporter:\n  externalObjects: {}\n  mainObjectFileID: 2100000\n  userData: \n  assetBundleName: \n  assetBundleVariant: \n`,
  // For any platform, and named by each assembly that needs it: no script of the project sees it otherwise.
  ".dll": `PluginImporter:\n  externalObjects: {}\n  serializedVersion: 2\n  iconMap: {}\n  executionOrder: {}\n  defineConstraints: []\n  isPreloaded: 0\n  isOverridable: 1\n  isExplicitlyReferenced: 1\n  validateReferences: 0\n  platformData:\n  - first:\n      Any: \n    second:\n      enabled: 1\n      settings: {}\n  userData: \n  assetBundleName: \n  assetBundleVariant: \n`,
  ".md": plain("TextScriptImporter"),
  ".json": plain("TextScriptImporter"),
  ".txt": plain("TextScriptImporter"),
};

const guidOf = (asset) => createHash("md5").update(`com.rls3.gym/${asset}`).digest("hex");

function metaOf(asset, isFolder) {
  const importer = isFolder
    ? `folderAsset: yes\n${plain("DefaultImporter")}`
    : path.basename(asset) === "package.json"
      ? plain("PackageManifestImporter")
      : (IMPORTERS[path.extname(asset)] ?? plain("DefaultImporter"));
  return `fileFormatVersion: 2\nguid: ${guidOf(asset)}\n${importer}`;
}

// Unity imports nothing whose name begins with a dot or ends with a tilde.
const hidden = (name) => name.startsWith(".") || name.endsWith("~");

function walk(folder, found) {
  for (const entry of readdirSync(path.join(project, folder), { withFileTypes: true })) {
    const asset = `${folder}/${entry.name}`;
    if (hidden(entry.name)) continue;
    if (entry.name.endsWith(".meta")) {
      found.metas.push(asset);
    } else {
      found.assets.push({ asset, isFolder: entry.isDirectory() });
      if (entry.isDirectory()) walk(asset, found);
    }
  }
  return found;
}

function main() {
  const problems = [];
  const check = process.argv.includes("--check");
  const guids = new Map();
  for (const root of ROOTS) {
    const { assets, metas } = walk(root, { assets: [], metas: [] });
    const names = new Set(assets.map(({ asset }) => asset));
    for (const { asset, isFolder } of assets) {
      const file = path.join(project, `${asset}.meta`);
      if (!existsSync(file)) {
        problems.push(`${asset} has no .meta file`);
        if (!check) writeFileSync(file, metaOf(asset, isFolder));
      }
      const guid = existsSync(file) ? /^guid: ([0-9a-f]{32})$/m.exec(readFileSync(file, "utf8"))?.[1] : guidOf(asset);
      if (guids.has(guid)) problems.push(`${asset} and ${guids.get(guid)} have the same GUID`);
      guids.set(guid, asset);
    }
    for (const meta of metas) {
      if (names.has(meta.replace(/\.meta$/, ""))) continue;
      problems.push(`${meta} belongs to nothing`);
      if (!check) rmSync(path.join(project, meta));
    }
  }
  for (const problem of problems) console.log(check ? problem : `mended: ${problem}`);
  process.exitCode = check && problems.length > 0 ? 1 : 0;
}

main();
