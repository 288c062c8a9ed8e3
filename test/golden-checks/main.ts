/** @file `npm run golden`: every comparison with reference numbers, from RLS3_GOLDEN or the copies in test/golden. */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { checkOf } from "./check-of.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const packageRoot = path.resolve(here, "../../..");
const root = path.resolve(process.env["RLS3_GOLDEN"] ?? path.join(packageRoot, "test/golden"));
if (!existsSync(root)) {
  console.error(`no golden data at ${root}: set RLS3_GOLDEN to a folder that has some`);
  process.exit(2);
}

const lines: string[] = [];
let failed = false;
/** The scripts that made the numbers are in the same folder. */
const folders = readdirSync(root, { withFileTypes: true }).filter(
  (entry) => entry.isDirectory() && entry.name !== "generate",
);
for (const { name } of folders) {
  const check = await checkOf(path.join(root, name));
  if (check === null) {
    lines.push(`${name}: not implemented`);
    continue;
  }
  try {
    const { compared, failures } = await check(path.join(root, name));
    for (const failure of failures.slice(0, 20)) console.log(`${name}: ${failure}`);
    failed ||= failures.length > 0 || compared === 0;
    lines.push(`${name}: ${compared} compared, ${failures.length} failed`);
  } catch (error) {
    failed = true;
    console.log(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    lines.push(`${name}: 0 compared, 1 failed`);
  }
}
for (const line of lines) console.log(line);
process.exitCode = failed || lines.length === 0 ? 1 : 0;
