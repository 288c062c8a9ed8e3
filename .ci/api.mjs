// Builds API pages of every name that package.json exports into dist/api-pages; fails where one has no doc comment.
// TypeDoc needs TypeScript's old API, so it has its own folder (.ci/api) with TypeScript 5; the package itself is built
// by TypeScript 7.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const tools = path.join(root, ".ci/api");

/** Ends the program where a command fails; `hint` says what to do. */
function run(hint, command, args, options) {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"], ...options });
  if (status === 0) return;
  console.error(`${hint} (${error?.message ?? `exit code ${status}`}). Its output is above.`);
  process.exit(status === null ? 3 : 1);
}

const lock = createHash("sha256")
  .update(readFileSync(path.join(tools, "package-lock.json")))
  .digest("hex");
const stamp = path.join(tools, "node_modules/.lock");
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
  run("installing TypeDoc failed", "npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: tools,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  writeFileSync(stamp, lock);
}

/** "./dist/trainer/api/run.d.ts" → "trainer/api/run.ts". */
const source = ({ types }) => types.replace(/^\.\/dist\//, "").replace(/\.d\.ts$/, ".ts");

const { exports } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const entryPoints = Object.values(exports).flatMap((target) => ["--entryPoints", source(target)]);
run(
  "the API pages are not complete: give every name above a doc comment, and mend the links",
  process.execPath,
  [path.join(tools, "node_modules/typedoc/bin/typedoc"), "--options", path.join(tools, "typedoc.json"), ...entryPoints],
  { cwd: root },
);
