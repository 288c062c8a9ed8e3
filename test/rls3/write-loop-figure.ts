/** @file `node dist/test/rls3/write-loop-figure.js`: draws the README's figure of the loop again. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { loopFigure } from "./loop-figure.js";

const file = path.resolve(import.meta.dirname, "../../../trainer/rls3/loop.svg");
writeFileSync(file, await loopFigure());
console.log(file);
