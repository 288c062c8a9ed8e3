/** @file golden/relations: terms and captions of random cases, and of cases on and beside every boundary. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import {
  axesFromYaw,
  cameraOffset,
  caption,
  codeTerms,
  relation,
  relationOfAngles,
} from "../../trainer/language/index.js";
import type { GoldenCheck } from "./check.js";

interface Case {
  readonly A: string;
  readonly B: string;
  readonly kind?: "near" | "tie";
  readonly cameraYaw?: number;
  readonly positionA?: readonly number[];
  readonly positionB?: readonly number[];
  readonly d: readonly [number, number, number];
  readonly elevation: number;
  readonly bearing: number;
  readonly terms: readonly string[];
  readonly caption: string;
}

const PHRASE_OF: Readonly<Record<string, string>> = {
  right: "to the right of",
  left: "to the left of",
  "in front": "in front of",
};

/** Boundary cases name their objects only in the caption: "The vase is … the plate." */
function namesOf(row: Case): readonly [string, string] {
  if (row.A !== undefined && row.B !== undefined) return [row.A, row.B];
  const match = /^The (.+?) is .* the (.+?)\.$/.exec(row.caption);
  return [match?.[1] ?? "", match?.[2] ?? ""];
}

export const check: GoldenCheck = async (directory) => {
  let compared = 0;
  const failures: string[] = [];
  for (const file of ["random.json", "boundary.json"]) {
    const at = path.join(directory, file);
    if (!existsSync(at)) continue;
    const rows = JSON.parse(readFileSync(at, "utf8")) as Case[];
    for (const [index, row] of rows.entries()) {
      const codes = [relationOfAngles(row.elevation, row.bearing)];
      if (row.kind !== "tie") codes.push(relation({ right: row.d[0], up: row.d[1], toward: row.d[2] }));
      if (row.positionA !== undefined && row.positionB !== undefined && row.cameraYaw !== undefined) {
        codes.push(relation(cameraOffset(row.positionA, row.positionB, axesFromYaw(row.cameraYaw))));
      }
      const [a, b] = namesOf(row);
      for (const code of codes) {
        compared += 1;
        const terms = codeTerms(code).map((term) => PHRASE_OF[term] ?? term);
        const said = caption(a, b, code);
        if (said !== row.caption || terms.join("|") !== row.terms.join("|")) {
          failures.push(`${file}[${index}]: "${said}" instead of "${row.caption}"`);
        }
      }
    }
  }
  return { compared, failures };
};
