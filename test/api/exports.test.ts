/** @file The package's entry points, imported the way another program imports them. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { root } from "../runs/runs.js";

/** Names that programs rely on, besides types. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  run: [
    "run",
    "planOf",
    "resolveConfiguration",
    "silent",
    "rls3",
    "openAgent",
    "readMetrics",
    "pluginSource",
    "InputError",
  ],
  compare: ["compare", "summarize", "readSummary", "rebuildSummary", "renderReport"],
  sweep: ["planSweep", "runSweep", "readSweepFile", "sweepTable"],
  worlds: ["loadCatalog", "drawLayout", "place", "stateHash", "roomsDefinition", "Random", "SHIPPED_WORLDS"],
  renderer: ["render", "encodePng"],
  language: ["relation", "caption", "CODES", "TERMS", "parseAnswer", "termF1", "LANGUAGE_VERSION"],
  models: ["openModel", "evaluate", "captionSet", "balancedSet"],
  statistics: ["pairedTTest", "permutationTest", "holm", "bootstrapInterval", "seedsFor", "Random"],
  plugins: ["createAgent", "ACTION_WIDTH", "decodePlacement"],
  protocol: ["EnvironmentHost", "EnvironmentClient", "PROTOCOL_VERSION"],
  conformance: ["checkServer", "CHECKS", "Peer"],
};

/** The output of a program in the package. */
async function printed(program: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: root,
  });
  return JSON.parse(stdout);
}

describe("the package", () => {
  it("has an entry point for each line of its table of contents, with types", () => {
    const { exports } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
      exports: Record<string, { types: string; default: string }>;
    };
    expect(Object.keys(exports).sort()).toEqual(
      Object.keys(NAMES)
        .map((name) => `./${name}`)
        .sort(),
    );
    const readme = readFileSync(path.join(root, "trainer/api/README.md"), "utf8");
    for (const name of Object.keys(NAMES)) expect(readme).toContain(`| \`rls3/${name}\` |`);
    for (const { types, default: code } of Object.values(exports)) {
      expect(types).toBe(code.replace(/\.js$/, ".d.ts"));
      expect(readFileSync(path.join(root, types), "utf8").length).toBeGreaterThan(0);
    }
  });

  it("exports the names that programs rely on", async () => {
    const found = await printed(`
      const names = {};
      for (const name of ${JSON.stringify(Object.keys(NAMES))}) names[name] = Object.keys(await import(\`rls3/\${name}\`));
      console.log(JSON.stringify(names));
    `);
    for (const [name, names] of Object.entries(NAMES)) {
      expect((found as Record<string, string[]>)[name], `rls3/${name}`).toEqual(expect.arrayContaining([...names]));
    }
  }, 60_000);

  it("has types that check the examples of plugins, as in another program", async () => {
    const examples = path.join(root, "trainer/plugins/examples");
    const files = readdirSync(examples).map((name) => path.join(examples, name));
    expect(files.length).toBe(5);
    const compiler = path.join(root, "node_modules/typescript/bin/tsc");
    const flags =
      "--noEmit --ignoreConfig --allowJs --checkJs --strict --skipLibCheck --target es2022 --lib es2023,dom".split(" ");
    const modules = "--module nodenext --moduleResolution nodenext --types node".split(" ");
    const checked = promisify(execFile)(process.execPath, [compiler, ...flags, ...modules, ...files], { cwd: root });
    expect(
      await checked.then(
        ({ stdout }) => stdout,
        ({ stdout }: { stdout: string }) => stdout,
      ),
    ).toBe("");
  }, 120_000);

  it("draws a state in a few lines", async () => {
    const size = await printed(`
      import { loadCatalog, drawLayout, Random } from "rls3/worlds";
      import { render } from "rls3/renderer";
      const catalog = loadCatalog("rooms");
      const { objects } = drawLayout(catalog, catalog.scenes[0], Random.stream(1, "mine"));
      console.log(JSON.stringify(render(catalog, 0, objects, 64).image.length));
    `);
    expect(size).toBe(64 * 64 * 3);
  });
});
