import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import type { GoldenCheck } from "./check.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const golden = path.resolve(here, "../../../test/golden");

describe("reference numbers", () => {
  for (const folder of readdirSync(golden).sort()) {
    const module = path.join(here, `${folder}.js`);
    if (!existsSync(module)) continue;
    it(`${folder} is met within its tolerances`, { timeout: 300_000 }, async () => {
      const { check } = (await import(pathToFileURL(module).href)) as { check: GoldenCheck };
      const { compared, failures } = await check(path.join(golden, folder));
      expect(failures).toEqual([]);
      expect(compared).toBeGreaterThan(0);
    });
  }
});
