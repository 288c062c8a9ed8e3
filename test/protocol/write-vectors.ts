/** @file `node dist/test/protocol/write-vectors.js`: writes protocol/vectors again. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { vectorFiles } from "./vectors.js";

const folder = path.resolve(import.meta.dirname, "../../../protocol/vectors");
for (const [name, content] of vectorFiles()) {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
}
console.log(`${vectorFiles().size} files in ${folder}`);
