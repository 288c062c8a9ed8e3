/** @file The object-centric agent's heads as ONNX graphs: forward pass, gradients and Adam in one. */

import { only } from "../../at.js";
import {
  type AdamState,
  abs,
  adam,
  adamVariables,
  assignAdam,
  binaryCrossEntropy,
  Graph,
  gradients,
  mean,
  multiply,
  reshape,
  sigmoid,
  subtract,
  type Value,
} from "../../graph/index.js";
import { parameterCount } from "../layout.js";
import { ADAM, type Head, type HeadsModel, headLayers, updatesInRun } from "../models.js";
import { element, layerTensors, meanOf, perceptron, regressionLoss, together } from "./networks.js";

/** Each function of the model, and how to build its graph. */
export function headGraphs(model: HeadsModel): Map<string, () => Graph> {
  return new Map(
    model.heads.flatMap((head) => [
      [head, () => update(model, head)] as const,
      [`${head}_many`, () => updateMany(model, head)] as const,
      ...model.rows.map((rows) => [`evaluate_${head}_${rows}`, () => evaluate(model, head, rows)] as const),
    ]),
  );
}

const size = (model: HeadsModel): number => parameterCount(headLayers(model));

/** The inputs of an update; `lead` adds a leading axis for several updates. */
function inputs(graph: Graph, model: HeadsModel, lead: readonly number[]): Feeds {
  return {
    features: graph.input("features", [...lead, model.batch, model.features]),
    targets: graph.input("targets", [...lead, model.batch]),
    weights: graph.input("weights", [...lead, model.batch]),
    learningRate: graph.input("learning_rate", [...lead]),
  };
}

interface Feeds {
  readonly features: Value;
  readonly targets: Value;
  readonly weights: Value;
  readonly learningRate: Value;
}

interface Updated {
  readonly state: AdamState;
  /** [batch] */
  readonly errors: Value;
  readonly loss: Value;
}

function oneUpdate(model: HeadsModel, head: Head, state: AdamState, feeds: Feeds): Updated {
  const { features, targets, weights, learningRate } = feeds;
  const parameters = layerTensors(state.parameters, headLayers(model));
  const value = reshape(perceptron(features, parameters), [-1]);
  const losses =
    head === "validity" ? binaryCrossEntropy(value, targets) : regressionLoss(subtract(value, targets), model.loss);
  const loss = mean(multiply(weights, losses));
  const gradient = only(gradients(loss, [state.parameters]));
  return {
    state: adam(state, gradient, { learningRate, ...ADAM }),
    errors: abs(subtract(head === "validity" ? sigmoid(value) : value, targets)),
    loss,
  };
}

function update(model: HeadsModel, head: Head): Graph {
  const graph = new Graph();
  const before = adamVariables(graph, head, size(model));
  const { state, errors, loss } = oneUpdate(model, head, before, inputs(graph, model, []));
  assignAdam(graph, head, state);
  graph.output("errors", errors);
  graph.output("loss", loss);
  return graph;
}

function updateMany(model: HeadsModel, head: Head): Graph {
  const graph = new Graph();
  const count = updatesInRun(model);
  const all = inputs(graph, model, [count]);
  let state = adamVariables(graph, head, size(model));
  const updates = Array.from({ length: count }, (_, i) => {
    const elements = Object.entries(all).map(([name, values]) => [name, element(values as Value, i)]);
    const updated = oneUpdate(model, head, state, Object.fromEntries(elements) as Feeds);
    state = updated.state;
    return updated;
  });
  assignAdam(graph, head, state);
  graph.output("errors", together(updates.map(({ errors }) => errors)));
  graph.output("loss", meanOf(updates.map(({ loss }) => loss)));
  return graph;
}

function evaluate(model: HeadsModel, head: Head, rows: number): Graph {
  const graph = new Graph();
  const features = graph.input("features", [rows, model.features]);
  const parameters = layerTensors(graph.variable(head, [size(model)]), headLayers(model));
  const value = reshape(perceptron(features, parameters), [-1]);
  graph.output("values", head === "validity" ? sigmoid(value) : value);
  return graph;
}
