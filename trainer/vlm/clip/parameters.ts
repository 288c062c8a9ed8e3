/** @file CLIP's parameters, read from its directory. */
import { type ModelParameters, readValues } from "../weights/parameters.js";
import { type ClipConfig, readClipConfig } from "./config.js";
import { shapeOf } from "./modules.js";

export interface ClipParameters extends ModelParameters {
  readonly config: ClipConfig;
}

/** Reads config.json and every weight that CLIP has; what else the files hold (position_ids) is passed over. */
export function readClipParameters(directory: string, configFile = "config.json"): ClipParameters {
  const config = readClipConfig(directory, configFile);
  const shape = shapeOf(config);
  return { config, ...shape, values: readValues(directory, shape) };
}
