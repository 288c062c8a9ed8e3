/** @file An entry in the list of architectures, for models that compare images with texts. */
import { CAPTIONS } from "../../language/index.js";
import { type Architecture, described } from "../architecture.js";
import type { Tolerances } from "../verification/tolerances.js";
import { type ReadNetwork, verifyContrastive } from "./checks.js";
import { openContrastive } from "./model.js";
import { contrastiveGraphs } from "./plan.js";

export const contrastive = (name: string, read: ReadNetwork, tolerances: Tolerances): Architecture => ({
  ...described(name, CAPTIONS, read),
  graphs: (directory, work, options) => contrastiveGraphs(directory, read(directory), work, options),
  open: async (directory, options) => openContrastive(directory, read(directory), options),
  verify: (directory, runtime) => verifyContrastive(directory, read, tolerances, runtime),
});
