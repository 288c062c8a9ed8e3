/** @file An entry in the list of architectures, for those that answer a prompt about an image. */
import type { Phrasing } from "../../language/index.js";
import type { Architecture } from "../architecture.js";
import { record } from "../weights/recording.js";
import { verifyGenerative } from "./checks.js";
import { openTokenizer, readParameters } from "./directory.js";
import { openGenerative } from "./model.js";
import type { GenerativeNetwork } from "./network.js";
import { generativeGraphs } from "./plan.js";

export function generative(
  name: string,
  read: (directory: string) => GenerativeNetwork,
  phrasing: Phrasing,
): Architecture {
  return {
    name,
    phrasing,
    shape: (directory) => {
      const network = read(directory);
      return { ...record(network.declare), sizes: network.sizes };
    },
    read: (directory) => {
      const network = read(directory);
      openTokenizer(directory, network);
      return readParameters(directory, network);
    },
    graphs: (directory, work, options) => generativeGraphs(directory, read(directory), work, options),
    open: async (directory, options) => openGenerative(directory, read(directory), options),
    verify: (directory, runtime) => verifyGenerative(directory, read(directory), runtime),
  };
}
