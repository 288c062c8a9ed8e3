/** @file A Hugging Face model directory on disk: its JSON files, parsed once. */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { describeComplaint } from "../../complaint.js";
import { InputError } from "../../errors.js";

/**
 * Reads a JSON file and checks it.
 * @throws InputError that names the file and the first wrong key
 */
export function readJson<T>(file: string, schema: z.ZodType<T>): T {
  checkFile(file, "is this a Hugging Face model directory?");
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (isRefused(error)) throw new InputError(`${file} may not be read: change its permissions`);
    throw new InputError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new InputError(`${file}: ${describeComplaint(parsed.error, json)}`);
}

/**
 * Checks that a file exists and can be read.
 * @throws InputError that says what is wrong; it ends in `advice` where nothing is there
 */
export function checkFile(file: string, advice: string): void {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new InputError(`no file ${file}: ${advice}`);
  if (found.isSymbolicLink() && !existsSync(file)) {
    throw new InputError(`${file} is a link to ${readlinkSync(file)}, which is not there: download the model again`);
  }
  const target = statSync(file);
  if (target.isDirectory()) throw new InputError(`${file} is a folder where a file is expected: download it again`);
  if (!target.isFile()) throw new InputError(`${file} is no regular file: download it again`);
}

const isRefused = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");

/**
 * Checks the directory.
 * @throws InputError that says what is wrong with it
 */
function checkDirectory(directory: string): void {
  if (!existsSync(directory) || !statSync(directory).isDirectory()) {
    throw new InputError(`no model directory ${directory}: give a folder with config.json and *.safetensors`);
  }
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (isRefused(error)) throw new InputError(`${directory} may not be entered: change its permissions`);
    throw error;
  }
  if (names.includes("config.json") || !names.includes("snapshots")) return;
  const [snapshot = "…"] = readdirSync(path.join(directory, "snapshots"));
  throw new InputError(
    `${directory} is a folder of the download cache: give the model in it, ${path.join(directory, "snapshots", snapshot)}`,
  );
}

/**
 * config.json's model_type.
 * @throws InputError for one that is not in `known`
 */
export function modelType(directory: string, known: readonly string[]): string {
  checkDirectory(directory);
  const file = path.join(directory, "config.json");
  const { model_type } = readJson(file, z.looseObject({ model_type: z.string() }));
  if (known.includes(model_type)) return model_type;
  throw new InputError(`${file}: model_type "${model_type}" is not supported; supported are ${known.join(", ")}`);
}
