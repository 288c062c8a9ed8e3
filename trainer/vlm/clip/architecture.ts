/** @file CLIP's entry in the list of architectures. */
import type { Architecture } from "../architecture.js";
import { verifyClip } from "./checks.js";
import { readClipConfig } from "./config.js";
import { openClip } from "./model.js";
import { shapeOf } from "./modules.js";
import { readClipParameters } from "./parameters.js";

export const CLIP: Architecture = {
  name: "clip",
  shape: (directory) => {
    const config = readClipConfig(directory);
    return { ...shapeOf(config), sizes: config };
  },
  read: readClipParameters,
  open: openClip,
  verify: verifyClip,
};
