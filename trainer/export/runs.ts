/**
 * @file The runs in a folder (a single one, a comparison's, or a sweep's), with the parts of config.json that an export
 * needs.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import type { WireMap } from "../../protocol/index.js";
import { describeComplaint } from "../complaint.js";
import { World } from "../environments/served-world.js";
import { InputError } from "../errors.js";
import { readPlainFile } from "../files/plain-file.js";
import { LANGUAGE_VERSION } from "../language/index.js";
import { ACTION_SPEC, parseCatalog } from "../rooms/index.js";
import { listFolder, readRunConfig } from "../run-format/readers.js";
import { compareArms } from "../settings/arms.js";

export interface ExportedRun {
  /** The folder's name: `rls3-0` in a comparison, the cell's name in a sweep. */
  readonly name: string;
  /** A unique version of it with only letters, digits, "-" and "_", as a prefix of ids. Empty for a single run. */
  readonly key: string;
  readonly folder: string;
  readonly seed: number;
  readonly world: World;
  /** Whether a plugin may have given its words. */
  readonly hasPlugin: boolean;
  /** Whether the embedded renderer drew its pictures. */
  readonly drawnHere: boolean;
  /** Side in pixels of the pictures that the model saw; null in old runs, which did not record it. */
  readonly imageSize: number | null;
  /** Folder of the test sets. */
  readonly shared: string;
  readonly testSet: { readonly seed: number; readonly scenes: string; readonly perRelation: number };
  /** For the dataset card. */
  readonly model: string;
  readonly agent: string;
  readonly commit: string;
}

const settingsSchema = z.looseObject({
  env: z.string(),
  render: z.string().default("server"),
  agent: z.string(),
  seed: z.int(),
  testSeed: z.int(),
  testScenes: z.string().default(""),
  testImagesPerRelation: z.int().positive(),
});
const othersSchema = z.looseObject({
  shared: z.string().nullish(),
  imageSize: z.int().positive().optional(),
  plugin: z.unknown().optional(),
  model: z.looseObject({ directory: z.string(), architecture: z.string() }).optional(),
});

/**
 * The runs in a folder, ordered by seed and arm, or by the sweep's cells.
 * @throws InputError where the folder is no run, comparison or sweep, or was made with another version of the questions
 */
export async function runsIn(folder: string): Promise<ExportedRun[]> {
  const found = await foldersIn(folder);
  const lone = found.length === 1 && found[0] === folder;
  const keys = uniqueKeys(found.map((one) => path.basename(one)));
  return Promise.all(found.map((one, i) => openRun(one, lone ? "" : (keys[i] ?? ""))));
}

async function foldersIn(folder: string): Promise<string[]> {
  if (!existsSync(folder)) {
    throw new InputError(`${folder}: does not exist; name the folder of a run, a comparison or a sweep`);
  }
  const names = await listFolder(folder).catch((error: unknown) => {
    const isFile = error instanceof Error && "code" in error && error.code === "ENOTDIR";
    throw isFile ? new InputError(`${folder}: is a file; name the folder of a run, a comparison or a sweep`) : error;
  });
  if (names.includes("sweep.json")) return sampled(folder, cellFolders(folder), "cell");
  if (names.includes("metrics.csv")) return sampled(folder, [folder], "iteration");
  const runs = (await listFolder(path.join(folder, "runs"))).flatMap((name) => {
    const [, arm, seed] = /^(.+)-(\d+)$/.exec(name) ?? [];
    return arm === undefined ? [] : [{ arm, seed: Number(seed), folder: path.join(folder, "runs", name) }];
  });
  if (runs.length === 0) {
    throw new InputError(`${folder}: contains no run, comparison or sweep; give the folder that --out named`);
  }
  runs.sort((a, b) => a.seed - b.seed || compareArms(a.arm, b.arm));
  return sampled(
    folder,
    runs.map((run) => run.folder),
    "run",
  );
}

/** The runs that have samples. */
function sampled(folder: string, runs: readonly string[], what: string): string[] {
  const begun = runs.filter((run) => existsSync(path.join(run, "samples")));
  if (begun.length > 0) return begun;
  throw new InputError(`${folder}: has no samples yet: not one ${what} has been through; go on with it first`);
}

const planSchema = z.looseObject({ cells: z.array(z.looseObject({ name: z.string().regex(/^[^/\\]+$/) })) });

function cellFolders(folder: string): string[] {
  const file = path.join(folder, "sweep.json");
  let value: unknown;
  try {
    value = JSON.parse(readPlainFile(file).toString("utf8"));
  } catch (error) {
    throw new InputError(`${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const plan = planSchema.safeParse(value);
  if (!plan.success)
    throw new InputError(`${file}: is not the plan of a sweep: ${describeComplaint(plan.error, value)}`);
  return plan.data.cells.map(({ name }) => path.join(folder, "cells", name));
}

const LONGEST_KEY = 64;

/** Names as parts of file names and of keys without dots: unique, and short enough for a tar archive. */
export function uniqueKeys(names: readonly string[]): string[] {
  const plain = names.map((name) => name.replace(/[^A-Za-z0-9_-]+/g, "_"));
  return plain.map((key, i) => {
    if (key.length <= LONGEST_KEY && plain.indexOf(key) === plain.lastIndexOf(key)) return key;
    const digest = createHash("sha256")
      .update(names[i] ?? "")
      .digest("hex")
      .slice(0, 8);
    return `${key.slice(0, LONGEST_KEY - 9)}-${digest}`;
  });
}

async function openRun(folder: string, key: string): Promise<ExportedRun> {
  const file = path.join(folder, "config.json");
  const config = await readRunConfig(folder);
  if (config.languageVersion !== LANGUAGE_VERSION) {
    throw new InputError(
      `${file}: was made with version ${config.languageVersion} of the language, and this rls3 has version ${LANGUAGE_VERSION}, which asks about other pairs; export it with the version that made it`,
    );
  }
  const settings = settingsSchema.safeParse(config.configuration);
  const others = othersSchema.safeParse(config);
  if (!settings.success) throw notOurs(file, settings.error, config.configuration);
  if (!others.success) throw notOurs(file, others.error, config);
  const { env, render, agent, seed, testSeed, testScenes, testImagesPerRelation } = settings.data;
  const { shared, imageSize, model, plugin } = others.data;
  const catalog = parseCatalog(config.worldCatalog, `${file}, worldCatalog`);
  return {
    name: path.basename(path.resolve(folder)),
    key,
    folder,
    seed,
    world: new World(catalog, { action: ACTION_SPEC, catalog: catalog.document as unknown as WireMap }),
    hasPlugin: plugin !== undefined,
    drawnHere: env === "embedded" || render === "embedded",
    imageSize: imageSize ?? null,
    shared: path.resolve(folder, shared ?? "shared"),
    testSet: { seed: testSeed, scenes: testScenes, perRelation: testImagesPerRelation },
    model: model === undefined ? "not recorded" : `${model.directory} (${model.architecture})`,
    agent,
    commit: config.commit,
  };
}

const notOurs = (file: string, error: z.ZodError, value: unknown): InputError =>
  new InputError(
    `${file}: is not the configuration of a run, or has another version: ${describeComplaint(error, value)}`,
  );
