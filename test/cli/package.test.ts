/** @file The package as a user installs it: packed, installed in another project, and used there. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../runs/runs.js";

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>;
}

const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Manifest;
const scratch = realpathSync(mkdtempSync(path.join(tmpdir(), "rls3-package-")));
const project = path.join(scratch, "project");
const installed = path.join(project, "node_modules/rls3");
afterAll(() => rmSync(scratch, { recursive: true }));

/** onnxruntime-node's install script would download CUDA libraries. */
const ENVIRONMENT = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip", npm_config_update_notifier: "false" };
const run = (command: string, ...words: readonly string[]): string =>
  execFileSync(command, words, { cwd: project, encoding: "utf8", env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"] });
const files = (): readonly string[] =>
  readdirSync(installed, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(installed, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"));

beforeAll(() => {
  mkdirSync(project);
  writeFileSync(path.join(project, "package.json"), '{ "private": true, "type": "module" }\n');
  const packing = ["pack", "--ignore-scripts", "--json", "--pack-destination", scratch];
  const packed = execFileSync("npm", packing, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  run("npm", "install", "--prefer-offline", "--no-audit", "--no-fund", path.join(scratch, filename));
}, 300_000);

describe("the package, installed in another project", () => {
  it("has what its users need, and neither tests nor benchmarks", () => {
    const there = new Set(files());
    for (const file of [
      "README.md",
      "LICENSE",
      "THIRD-PARTY-NOTICES.md",
      "protocol/README.md",
      "protocol/examples/gymnasium_env.py",
      "trainer/vlm/bundled/model.safetensors",
      "trainer/vlm/bundled-paligemma/model.safetensors",
      "dist/trainer/cli/main.js",
    ]) {
      expect(there, file).toContain(file);
    }
    expect([...there].filter((file) => /(^|\/)(test|benchmarks)\/|\.tsbuildinfo$|__pycache__/.test(file))).toEqual([]);
  });

  it("has the source of each of its maps", () => {
    const maps = files().filter((file) => file.endsWith(".map"));
    expect(maps.length).toBeGreaterThan(100);
    const missing = maps.flatMap((file) => {
      const { sources } = JSON.parse(readFileSync(path.join(installed, file), "utf8")) as { sources: string[] };
      return sources.filter((source) => !existsSync(path.join(installed, path.dirname(file), source)));
    });
    expect(missing).toEqual([]);
  });

  it.each(Object.entries(manifest.exports))("exports %s, with its types", (name, { types, default: main }) => {
    expect(existsSync(path.join(installed, types)) && existsSync(path.join(installed, main))).toBe(true);
    const specifier = path.posix.join("rls3", name);
    const names = run(
      process.execPath,
      "--input-type=module",
      "-e",
      `console.log(Object.keys(await import("${specifier}")).length)`,
    );
    expect(Number(names)).toBeGreaterThan(0);
  });

  it("has types that a strict project can use", () => {
    const imports = Object.keys(manifest.exports).map(
      (name, i) => `export * as part${i} from "${path.posix.join("rls3", name)}";`,
    );
    writeFileSync(path.join(project, "use.ts"), `${imports.join("\n")}\n`);
    const options = [
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2022",
      "--types",
      "node",
      "--skipLibCheck",
    ];
    const compiler = path.join(root, "node_modules/typescript/bin/tsc");
    const roots = ["--typeRoots", path.join(root, "node_modules/@types")];
    const { status, stdout } = spawnSync(process.execPath, [compiler, ...options, ...roots, "use.ts"], {
      cwd: project,
      encoding: "utf8",
    });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  it("prints its own version", () => {
    expect(run("npx", "rls3", "--version").trim()).toBe(manifest.version);
  });

  it("trains, with its versions in config.json and without the commit of the other project", {
    timeout: 240_000,
  }, () => {
    const git = (...words: readonly string[]) => run("git", "-c", "user.name=a", "-c", "user.email=a@b", ...words);
    git("init", "-q");
    git("add", "package.json");
    git("commit", "-qm", "a project");
    run("npx", "rls3", "train", "--quick", "--agent", "random", "--iterations", "1", "--device", "cpu", "--out", "run");
    const config = JSON.parse(readFileSync(path.join(project, "run/config.json"), "utf8")) as {
      readonly versions: Readonly<Record<string, string>>;
      readonly commit: string;
    };
    const runtime = JSON.parse(readFileSync(path.join(project, "node_modules/onnxruntime-node/package.json"), "utf8"));
    expect(config.versions).toMatchObject({ rls3: manifest.version, onnxruntime: (runtime as Manifest).version });
    expect(config.commit).toBe("unknown");
    expect(existsSync(path.join(project, "run/adapter/adapter_config.json"))).toBe(true);
  });
});
