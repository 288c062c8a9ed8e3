/** @file An entry in the list of architectures, for models that answer a prompt about an image. */
import type { Phrasing } from "../../language/index.js";
import { type Architecture, described } from "../architecture.js";
import { verifyGenerative } from "./checks.js";
import { openGenerative } from "./model.js";
import type { GenerativeNetwork } from "./network.js";
import { generativeGraphs } from "./plan.js";

export const generative = (
  name: string,
  read: (directory: string) => GenerativeNetwork,
  phrasing: Phrasing,
): Architecture => ({
  ...described(name, phrasing, read),
  graphs: (directory, work, options) => generativeGraphs(directory, read(directory), work, options),
  open: async (directory, options) => openGenerative(directory, read(directory), options),
  verify: (directory, runtime) => verifyGenerative(directory, read(directory), runtime),
});
