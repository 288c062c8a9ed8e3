/** @file An entry in the list of architectures, for those that compare images with texts. */
import { CAPTIONS } from "../../language/index.js";
import type { Architecture } from "../architecture.js";
import type { Tolerances } from "../verification/tolerances.js";
import { record } from "../weights/recording.js";
import { type ReadNetwork, verifyContrastive } from "./checks.js";
import { openTokenizer, readParameters } from "./directory.js";
import { openContrastive } from "./model.js";
import { contrastiveGraphs } from "./plan.js";

export function contrastive(name: string, read: ReadNetwork, tolerances: Tolerances): Architecture {
  return {
    name,
    phrasing: CAPTIONS,
    shape: (directory) => {
      const network = read(directory);
      return { ...record(network.declare), sizes: network.sizes };
    },
    read: (directory) => {
      const network = read(directory);
      openTokenizer(directory, network);
      return readParameters(directory, network);
    },
    graphs: (directory, work, options) => contrastiveGraphs(directory, read(directory), work, options),
    open: async (directory, options) => openContrastive(directory, read(directory), options),
    verify: (directory, runtime) => verifyContrastive(directory, read, tolerances, runtime),
  };
}
