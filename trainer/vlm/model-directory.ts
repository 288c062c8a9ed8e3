/** @file A model's directory, read and checked: its tokenizer, and what its parameters are. */
import path from "node:path";
import { TextTokenizer } from "./files/tokenizer.js";
import type { Network } from "./network.js";
import { checkParameters, type ModelParameters } from "./weights/parameters.js";
import { record } from "./weights/recording.js";
import { StoredWeights } from "./weights/stored-weights.js";

/** A directory's tokenizer, held to its config.json. */
export function openTokenizer(directory: string, network: Network): TextTokenizer {
  const tokenizer = TextTokenizer.open(directory, network.vocabulary);
  network.checkTokenizer(tokenizer, path.join(directory, "config.json"));
  return tokenizer;
}

/** What a directory's model is made of, and where its weights lie: there, and of the right shapes. */
export function openParameters(directory: string, network: Network): ModelParameters {
  const parameters = { ...record(network.declare), weights: StoredWeights.open(directory) };
  parameters.weights.check(parameters.shapes);
  parameters.weights.refuseMoreLayers(parameters.shapes);
  return parameters;
}

/** The same, small models looked through for values that are no numbers. */
export function readParameters(directory: string, network: Network): ModelParameters {
  const parameters = openParameters(directory, network);
  checkParameters(parameters);
  return parameters;
}
