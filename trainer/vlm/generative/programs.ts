/** @file The graphs of a generative model: answers' log-likelihoods, the next token, and the loss of a step. */
import {
  add,
  argMax,
  concat,
  expand,
  gather,
  gatherElements,
  logSoftmax,
  matMul,
  multiply,
  negate,
  reshape,
  select,
  slice,
  sum,
  type Value,
} from "../../graph/index.js";
import { scalar, type Tensors } from "../../tensor.js";
import {
  type Cells,
  type Decoder,
  type DecoderConfig,
  decode,
  embedTokens,
  type KeyValueStore,
  nextTokenLogits,
} from "../layers/decoder.js";
import type { Scope } from "../layers/scope.js";
import type { FineTuning } from "../model.js";
import { patchesUnlessFed } from "../training/image-front.js";
import type { Built } from "../training/program-cache.js";
import { programOf, type Source } from "../training/source.js";
import { DECODER_PATH, type GenerativeNetwork } from "./network.js";
import { cellsOf, isCut, type Kept, prefixCells, type RowShape, type Sight, type Speaking } from "./rows.js";

export interface GenerativeSource extends Source {
  readonly network: GenerativeNetwork;
}

export const decoderOf = (scope: Scope, { decoder: config }: GenerativeNetwork): Decoder => ({
  scope,
  config,
  path: DECODER_PATH,
});

export const sightOf = ({ prefixSeesItself, decoder }: GenerativeNetwork): Sight => ({
  prefixSeesItself,
  window: decoder.window,
});

/**
 * Declares the inputs positions, mask and, where the window cuts something, slidingMask, under the names of rows.ts.
 */
function cellInputs(scope: Scope, network: GenerativeNetwork, rows: number, asked: number, all: number): Cells {
  const { graph } = scope;
  const mask = graph.input("mask", [rows, 1, asked, all]);
  return {
    rows,
    positions: graph.input("positions", [rows, asked], "int32"),
    mask,
    slidingMask: isCut(sightOf(network), all) ? graph.input("slidingMask", [rows, 1, asked, all]) : mask,
    positionsEnd: all,
  };
}

/** Image features [images · tokens, width] and text → the rows at the decoder's input, [rows · cells, width]. */
function embedRows(decoder: Decoder, shape: RowShape, features: Value): Value {
  const { graph } = decoder.scope;
  const { images, rows, before, imageTokens, after, answerCells } = shape;
  const { width } = decoder.config;
  const pictures = gather(reshape(features, [images, imageTokens * width]), graph.input("imageOf", [rows], "int32"));
  const text = embedTokens(decoder, graph.input("ids", [rows, after + answerCells], "int32"));
  const parts = [reshape(pictures, [rows, imageTokens, width]), text];
  if (before > 0) {
    const start = embedTokens(decoder, graph.input("before", [before], "int32"));
    parts.unshift(expand(reshape(start, [1, before, width]), [rows, before, width]));
  }
  return reshape(concat(parts, 1), [-1, width]);
}

/** The decoder's states of all cells, [rows · cells, width]. */
export function rowStates(
  scope: Scope,
  network: GenerativeNetwork,
  shape: RowShape,
  features: Value,
  store?: KeyValueStore,
): Value {
  const decoder = decoderOf(scope, network);
  const x = embedRows(decoder, shape, features);
  const cells = cellsOf(shape);
  return decode(decoder, x, cellInputs(scope, network, shape.rows, cells, cells), store);
}

/** Log-likelihood of each answer token, [rows, targets]. */
export function targetLikelihoods(
  scope: Scope,
  network: GenerativeNetwork,
  { rows, targets }: RowShape,
  states: Value,
): Value {
  const { graph } = scope;
  const asked = gather(states, graph.input("targetCells", [rows * targets], "int32"));
  const logits = nextTokenLogits(decoderOf(scope, network), asked);
  const labels = graph.input("labels", [rows * targets, 1], "int32");
  return reshape(gatherElements(logSoftmax(logits), labels), [rows, targets]);
}

const featuresInput = ({ graph }: Scope, { decoder }: GenerativeNetwork, { images, imageTokens }: RowShape): Value =>
  graph.input("features", [images * imageTokens, decoder.width]);

/** Rows → logLikelihoods [rows, targets]. */
export function scoreProgram(source: GenerativeSource, shape: RowShape): Built {
  const { network } = source;
  return programOf(source, (scope) => {
    const states = rowStates(scope, network, shape, featuresInput(scope, network, shape));
    scope.graph.output("logLikelihoods", targetLikelihoods(scope, network, shape, states));
  });
}

/**
 * The runtime's variables for a layer's keys and values: those of the prefixes, which stay, and those of the tokens
 * spoken since.
 */
const PREFIXES = "prefixes'";
const SAID = "said";
const cacheNames = (of: string, layer: number): readonly [keys: string, values: string] => [
  `${of} keys ${layer}`,
  `${of} values ${layer}`,
];

/** Placeholders for all of these variables, which free the memory of the last rows that spoke. */
export const nothingKept = ({ decoder }: GenerativeNetwork): Tensors =>
  Object.fromEntries(
    Array.from({ length: decoder.layers }, (_, layer) => [PREFIXES, SAID].flatMap((of) => cacheNames(of, layer)))
      .flat()
      .map((name) => [name, scalar(0)]),
  );

/** The shape of such a variable for this many cells. */
const cacheShape = ({ groups, headSize }: DecoderConfig, rows: number, cells: number): readonly number[] => [
  rows,
  groups,
  cells,
  headSize,
];

/** The most likely token after each state, int32 [n], and its logits. */
function nextToken(scope: Scope, network: GenerativeNetwork, states: Value): void {
  const logits = nextTokenLogits(decoderOf(scope, network), states);
  scope.graph.output("logits", logits);
  scope.graph.output("token", argMax(logits));
}

/**
 * Scores rows that will speak next: → logLikelihoods, token, logits; stores the prefixes' keys and values. `lastCells`:
 * of each prefix.
 */
export function beginProgram(source: GenerativeSource, speaking: Speaking): Built {
  const { network } = source;
  const { shape, room } = speaking;
  return programOf(source, (scope) => {
    const { graph } = scope;
    const prefix = prefixCells(shape);
    const nothing = graph.filled(cacheShape(network.decoder, shape.rows, room), 0);
    const keep: KeyValueStore = (layer, own) => {
      const [keys, values] = cacheNames(PREFIXES, layer);
      graph.assign(keys, slice(own.key, 2, 0, prefix));
      graph.assign(values, slice(own.value, 2, 0, prefix));
      for (const said of cacheNames(SAID, layer)) graph.assign(said, nothing);
      return [own];
    };
    const states = rowStates(scope, network, shape, featuresInput(scope, network, shape), keep);
    if (shape.targets > 0) graph.output("logLikelihoods", targetLikelihoods(scope, network, shape, states));
    nextToken(scope, network, gather(states, graph.input("lastCells", [shape.rows], "int32")));
  });
}

/** The tokens spoken last → token, logits; adds their keys and values to the stored ones. */
export function nextProgram(source: GenerativeSource, { rows, prefix, room }: Kept): Built {
  const { network } = source;
  return programOf(source, (scope) => {
    const { graph } = scope;
    const decoder = decoderOf(scope, network);
    const slot = graph.input("slot", [1, 1, room, 1], "bool");
    const variable = (name: string, cells: number): Value =>
      graph.variable(name, cacheShape(network.decoder, rows, cells));
    const join: KeyValueStore = (layer, own) => {
      const joined = (name: string, added: Value): Value => {
        const now = select(slot, added, variable(name, room));
        graph.assign(name, now);
        return now;
      };
      const [keys, values] = cacheNames(PREFIXES, layer);
      const [saidKeys, saidValues] = cacheNames(SAID, layer);
      return [
        { key: variable(keys, prefix), value: variable(values, prefix) },
        { key: joined(saidKeys, own.key), value: joined(saidValues, own.value) },
      ];
    };
    const x = reshape(embedTokens(decoder, graph.input("ids", [rows, 1], "int32")), [rows, -1]);
    nextToken(scope, network, decode(decoder, x, cellInputs(scope, network, rows, 1, prefix + room), join));
  });
}

/** Rows of a step → its loss. `answers`: the most answers to a question. */
export function answersLoss(
  scope: Scope,
  network: GenerativeNetwork,
  shape: RowShape,
  answers: number,
  objective: FineTuning["objective"],
  front: string | null,
): Value {
  const { graph } = scope;
  const { rows, targets } = shape;
  const features = network.image(scope, patchesUnlessFed(graph, network, shape.images, front));
  const states = rowStates(scope, network, shape, features);
  const likelihoods = targetLikelihoods(scope, network, shape, states);
  const losses: Value[] = [];
  if (objective !== "ranking") {
    losses.push(negate(sum(multiply(likelihoods, graph.input("tokenWeights", [rows, targets])))));
  }
  if (objective !== "answer") {
    const members = graph.input("members", [rows, answers, targets]);
    const summed = reshape(matMul(members, reshape(likelihoods, [rows, targets, 1])), [rows, answers]);
    const ranked = logSoftmax(add(summed, graph.input("absent", [rows, answers])));
    const right = reshape(slice(ranked, 1, 0, 1), [rows]);
    losses.push(negate(sum(multiply(right, graph.input("questionWeights", [rows])))));
  }
  return losses.reduce((one, other) => add(one, other));
}
