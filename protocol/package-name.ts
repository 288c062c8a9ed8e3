/** @file What this side is, as hello and welcome name it for logs. */
import { readFileSync } from "node:fs";

/** One folder further up in what is compiled. */
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** name/version */
export const PACKAGE = `rls3/${version}`;
