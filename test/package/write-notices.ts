/** @file `node dist/test/package/write-notices.js`: writes THIRD-PARTY-NOTICES.md anew, after a dependency changed. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { notices } from "./notices.js";

const root = path.resolve(import.meta.dirname, "../../..");
const file = path.join(root, "THIRD-PARTY-NOTICES.md");
writeFileSync(file, await notices(root));
console.log(file);
