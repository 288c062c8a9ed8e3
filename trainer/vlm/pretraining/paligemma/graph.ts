/**
 * @file The two steps of the small PaliGemma's pre-training as graphs: first the vision tower alone, then everything on
 * prompts and answers. Temporary heads read where objects are: from the patches, and from the names in a question.
 */
import {
  add,
  Graph,
  gather,
  type Layout,
  mean,
  multiply,
  negate,
  reshape,
  slice,
  sum,
  type Value,
} from "../../../graph/index.js";
import { patchShape } from "../../files/patches.js";
import type { GenerativeNetwork } from "../../generative/network.js";
import { rowStates, targetLikelihoods } from "../../generative/programs.js";
import type { RowShape } from "../../generative/rows.js";
import { lastAxis } from "../../layers/axes.js";
import type { Scope } from "../../layers/scope.js";
import { patchesInput } from "../../training/image-front.js";
import { type Built, built } from "../../training/program-cache.js";
import { record } from "../../weights/recording.js";
import { denseLoss, distance, head, type PatchLabels } from "../heads.js";
import { type Losses, pretrainedScope, pretrainingStep } from "../step.js";

/** The stage of the tower's tokens, before the projector. */
const TOWER = "vision.post_layernorm";
/** Names are read from the state after the second block: later blocks can compare what is there early. */
const NAME_STATES = "text.layer.1";

const ANSWER_WEIGHT = 0.3;

/** A scope that records the values that a network reports while it is built. */
interface Watched {
  readonly scope: Scope;
  value(name: string): Value;
}

function watched(scope: Scope): Watched {
  const seen = new Map<string, Value>();
  const note = (name: string, value: Value): void => void seen.set(name, value);
  return {
    scope: {
      ...scope,
      observe: note,
      stage: (name, value) => {
        note(name, value);
        return value;
      },
    },
    value: (name) => {
      const value = seen.get(name);
      if (value === undefined) throw new Error(`the network has no ${name}`);
      return value;
    },
  };
}

function labelInputs(graph: Graph, network: GenerativeNetwork, images: number, names: number): PatchLabels {
  const [patches] = patchShape(network.grid);
  return {
    coordinates: graph.input("coordinates", [images, names, 3]),
    covered: graph.input("covered", [images, patches, names]),
  };
}

/** The image features for the decoder, and the loss of what the tower alone knows. */
function seeing({ scope, value }: Watched, network: GenerativeNetwork, images: number, names: number) {
  const features = network.image(scope, patchesInput(scope.graph, network, images));
  const tower = value(TOWER);
  const tokens = reshape(tower, [images, -1, lastAxis(tower)]);
  return { features, dense: denseLoss(scope, tokens, labelInputs(scope.graph, network, images, names)) };
}

export interface TowerShape {
  readonly images: number;
  readonly names: number;
}

function towerLosses(scope: Scope, network: GenerativeNetwork, { images, names }: TowerShape): Losses {
  const { dense } = seeing(watched(scope), network, images, names);
  return { total: dense, parts: { dense } };
}

/** Half of the rows ask about a pair, one per image; the others state a fact about each image. */
export interface JointShape extends TowerShape {
  readonly rows: RowShape;
}

/** The positions of named objects, read at the names: [names asked, 3]. */
function readNames({ scope, value }: Watched, asked: number): Value {
  const cells = gather(value(NAME_STATES), scope.graph.input("nameCells", [asked], "int32"));
  return head(scope, "names", cells, 3);
}

function jointLosses(scope: Scope, network: GenerativeNetwork, { images, names, rows }: JointShape): Losses {
  const { graph } = scope;
  const watch = watched(scope);
  const { features, dense } = seeing(watch, network, images, names);
  const states = rowStates(watch.scope, network, rows, features);
  const likelihoods = targetLikelihoods(watch.scope, network, rows, states);
  // Each token's share of the mean over its half.
  const spoken = multiply(likelihoods, graph.input("tokenWeights", [rows.rows, rows.targets]));
  const half = (first: number): Value => negate(sum(slice(spoken, 0, first, first + images)));
  const [relations, facts] = [half(0), half(images)];
  const read = readNames(watch, 2 * images);
  const places = mean(distance(read, graph.input("namePlaces", [2 * images, 3])));
  const total = add(add(facts, multiply(relations, ANSWER_WEIGHT)), add(dense, places));
  return { total, parts: { dense, facts, relations, names: places } };
}

const layoutOf = (losses: (scope: Scope) => Losses): Layout => record((scope) => void losses(scope)).shapes;

/** A phase's parameters, and the graph of its steps. */
export interface PhaseGraph {
  readonly layout: Layout;
  readonly program: () => Built;
}

function phaseGraph(losses: (scope: Scope) => Losses): PhaseGraph {
  const layout = layoutOf(losses);
  return { layout, program: () => pretrainingStep(layout, losses) };
}

export const towerPhase = (network: GenerativeNetwork, shape: TowerShape): PhaseGraph =>
  phaseGraph((scope) => towerLosses(scope, network, shape));

export const jointPhase = (network: GenerativeNetwork, shape: JointShape): PhaseGraph =>
  phaseGraph((scope) => jointLosses(scope, network, shape));

/** Rows of questions without answers → read [2 · rows, 3]: the head's positions for the two named objects. */
export function readingProgram(network: GenerativeNetwork, layout: Layout, rows: RowShape): Built {
  const graph = new Graph();
  const watch = watched(pretrainedScope(graph, layout));
  const features = network.image(watch.scope, patchesInput(graph, network, rows.images));
  rowStates(watch.scope, network, rows, features);
  graph.output("read", readNames(watch, 2 * rows.rows));
  return built(graph);
}
