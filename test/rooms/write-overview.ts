/**
 * @file `node dist/test/rooms/write-overview.js`: draws the README's picture again, and prints the captions of each
 * room in it.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { overview } from "./overview.js";

const file = path.resolve(import.meta.dirname, "../../../trainer/rooms/rooms.png");
const { captions, png } = await overview();
writeFileSync(file, png);
captions.forEach((lines, index) => {
  console.log([`picture ${index + 1}`, ...lines].join("\n  "));
});
console.log(file);
