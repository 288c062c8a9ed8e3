/** @file Reads and checks a model's directory: its tokenizer and its parameters. */
import path from "node:path";
import { TextTokenizer } from "./files/tokenizer.js";
import type { Network } from "./network.js";
import { checkParameters, type ModelParameters } from "./weights/parameters.js";
import { record } from "./weights/recording.js";
import { StoredWeights } from "./weights/stored-weights.js";

/** A directory's tokenizer, checked against its config.json. */
export function openTokenizer(directory: string, network: Network): TextTokenizer {
  const tokenizer = TextTokenizer.open(directory, network.vocabulary);
  network.checkTokenizer(tokenizer, path.join(directory, "config.json"));
  return tokenizer;
}

/** The parameters of a directory's model and the positions of their weights, checked to exist with the right shapes. */
export function openParameters(directory: string, network: Network): ModelParameters {
  const parameters = { ...record(network.declare), weights: StoredWeights.open(directory) };
  parameters.weights.check(parameters.shapes);
  parameters.weights.refuseMoreLayers(parameters.shapes);
  return parameters;
}

/** The same; also checks that a small model's values are finite. */
export function readParameters(directory: string, network: Network): ModelParameters {
  const parameters = openParameters(directory, network);
  checkParameters(parameters);
  return parameters;
}
