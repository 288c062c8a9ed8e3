// Installs and builds what is missing or out of date. Every npm script calls it, so that each works on a fresh clone.
// With --build it only builds: npm calls it that way after an install, here or where the package is installed from git.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [major] = process.versions.node.split(".").map(Number);
if (major < 20) {
  console.error(
    `RLS3 needs Node.js 20 or newer; this is ${process.version}. Install a newer one from nodejs.org and run the command again.`,
  );
  process.exit(2);
}

function run(title, command, args, env = {}) {
  process.stderr.write(`${title}\n`);
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", 2, 2],
    env: { ...process.env, ...env },
    shell: process.platform === "win32",
  });
  if (result.status !== 0) {
    console.error(`${title} failed: ${result.error?.message ?? `exit code ${result.status}`}. Its output is above.`);
    process.exit(result.status === null ? 3 : 1);
  }
}

const digest = (file) =>
  createHash("sha256")
    .update(readFileSync(path.join(root, file)))
    .digest("hex");
const stamp = (file) => {
  const at = path.join(root, file);
  return existsSync(at) ? readFileSync(at, "utf8") : "";
};

const onlyBuilds = process.argv.includes("--build");
// Without development dependencies nothing can be built, and nothing needs to be: the package contains dist.
if (onlyBuilds && !existsSync(path.join(root, "node_modules/typescript"))) process.exit(0);

const lock = digest("package-lock.json");
if (!onlyBuilds && stamp("node_modules/.rls3-lock") !== lock) {
  // onnxruntime-node's install script would download CUDA libraries; the package already has cpu and webgpu.
  run("installing dependencies (npm ci)", "npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    ONNXRUNTIME_NODE_INSTALL: "skip",
  });
  writeFileSync(path.join(root, "node_modules/.rls3-lock"), lock);
}

const newest = (folder) =>
  readdirSync(path.join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map(
      (entry) =>
        `${path.join(entry.parentPath ?? entry.path, entry.name)}:${statSync(path.join(entry.parentPath ?? entry.path, entry.name)).mtimeMs}`,
    );
const sources = createHash("sha256");
for (const folder of ["protocol", "trainer", "benchmarks", "test"]) {
  for (const line of newest(folder).sort()) sources.update(line);
}
sources.update(digest("tsconfig.json"));
const built = sources.digest("hex");
if (stamp("dist/.built") !== built) {
  rmSync(path.join(root, "dist"), { recursive: true, force: true });
  run("building (tsc)", process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"]);
  writeFileSync(path.join(root, "dist/.built"), built);
}
