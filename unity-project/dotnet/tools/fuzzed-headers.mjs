// node unity-project/dotnet/tools/fuzzed-headers.mjs FINDINGS: puts what afl-fuzz found (queue and crashes of its output folder,
// up to 300 bytes each) into protocol/vectors/fuzzed-headers.json beside what is there, each with the trainer's decoder's verdict.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const vectors = path.join(root, "protocol/vectors/fuzzed-headers.json");
const LARGEST = 300;

const [findings] = process.argv.slice(2);
if (findings === undefined || !existsSync(findings)) {
  console.error("name the output folder of afl-fuzz (its -o)");
  process.exit(2);
}
const { decodeHeader } = await import(path.join(root, "dist/protocol/codec.js"));

/** Refused as BAD_MESSAGE; anything else that is thrown is a fault to mend first. */
function refused(hex) {
  try {
    decodeHeader(Buffer.from(hex, "hex"));
    return false;
  } catch (error) {
    if (error.code === "BAD_MESSAGE") return true;
    throw new Error(`the trainer's decoder threw another error for ${hex}`, { cause: error });
  }
}

const found = readdirSync(findings, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /(queue|crashes)$/.test(entry.parentPath) && /^id:/.test(entry.name))
  .map((entry) => readFileSync(path.join(entry.parentPath, entry.name)))
  .filter((bytes) => bytes.length <= LARGEST)
  .map((bytes) => bytes.toString("hex"));
const known = JSON.parse(readFileSync(vectors, "utf8")).map(({ hex }) => hex);
const all = [...new Set([...known, ...found])].map((hex) => JSON.stringify({ hex, refused: refused(hex) }));
writeFileSync(vectors, `[\n${all.join(",\n")}\n]\n`);
console.log(`${all.length} headers in ${path.relative(root, vectors)}, ${all.length - known.length} of them new`);
