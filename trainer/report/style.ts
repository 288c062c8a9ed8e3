/** @file The style sheets of the pages, from the CSS files beside this file's source. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PALETTE_STYLE } from "./charts/palette.js";

/** tsc copies no CSS: the package has the sources beside the compiled files. */
const read = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../trainer/report/${name}`, import.meta.url)), "utf8");

export const reportStyle = (): string => `${read("style.css")}${PALETTE_STYLE}`;
export const liveStyle = (): string => `${reportStyle()}\n${read("dashboard/style.css")}`;
