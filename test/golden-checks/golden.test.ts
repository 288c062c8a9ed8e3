import { readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkOf } from "./check-of.js";

const golden = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../test/golden");
const folders = readdirSync(golden).sort();
const checks = await Promise.all(folders.map((folder) => checkOf(path.join(golden, folder))));

describe("reference numbers", () => {
  for (const [i, folder] of folders.entries()) {
    it(`${folder} is met within its tolerances`, { timeout: 300_000 }, async () => {
      const { compared, failures } = (await checks[i]?.(path.join(golden, folder))) ?? {
        compared: 0,
        failures: ["no comparison is implemented"],
      };
      expect(failures).toEqual([]);
      expect(compared).toBeGreaterThan(0);
    });
  }
});
