/** @file The name and version of this package, which hello and welcome carry for logs. */
import { readFileSync } from "node:fs";

/** The compiled file is one folder deeper. */
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

export const VERSION = version;

/** name/version */
export const PACKAGE = `rls3/${version}`;
