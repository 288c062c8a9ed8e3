/** @file A Hugging Face model directory on disk: its JSON files, parsed at the border. */
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { describeComplaint } from "../../complaint.js";
import { InputError } from "../../errors.js";

/** Reads a JSON file and checks it; the message names the file and the first offending key. */
export function readJson<T>(file: string, schema: z.ZodType<T>): T {
  if (!existsSync(file)) throw new InputError(`no file ${file}: is this a Hugging Face model directory?`);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new InputError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new InputError(`${file}: ${describeComplaint(parsed.error, json)}`);
}

/** The directory itself, or an InputError. */
function checkDirectory(directory: string): void {
  if (!existsSync(directory) || !statSync(directory).isDirectory()) {
    throw new InputError(`no model directory ${directory}: give a folder with config.json and *.safetensors`);
  }
}

/** config.json's model_type, if it is one of those that are known. */
export function modelType(directory: string, known: readonly string[]): string {
  checkDirectory(directory);
  const file = path.join(directory, "config.json");
  const { model_type } = readJson(file, z.looseObject({ model_type: z.string() }));
  if (known.includes(model_type)) return model_type;
  throw new InputError(`${file}: model_type "${model_type}" is not supported; supported are ${known.join(", ")}`);
}
