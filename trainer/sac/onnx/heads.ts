/** @file The object-centric agent's heads as ONNX graphs: forward, gradients and Adam in one. */
import {
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
} from "../../graph/index.js";
import { ADAM, type Head, type HeadsModel, headLayers, trainedVariables } from "../models.js";
import { layerTensors, perceptron, regressionLoss } from "./networks.js";

/** The graph of each function of the model. */
export function headGraphs(model: HeadsModel): Map<string, Graph> {
  return new Map(
    model.heads.flatMap((head) => [
      [head, update(model, head)] as const,
      ...model.rows.map((rows) => [`evaluate_${head}_${rows}`, evaluate(model, head, rows)] as const),
    ]),
  );
}

const size = (model: HeadsModel, head: Head): number => trainedVariables(model).get(head) ?? 0;

function update(model: HeadsModel, head: Head): Graph {
  const graph = new Graph();
  const features = graph.input("features", [model.batch, model.features]);
  const targets = graph.input("targets", [model.batch]);
  const weights = graph.input("weights", [model.batch]);
  const learningRate = graph.input("learning_rate", []);
  const state = adamVariables(graph, head, size(model, head));
  const parameters = layerTensors(state.parameters, headLayers(model));
  const value = reshape(perceptron(features, parameters), [-1]);
  const losses =
    head === "validity" ? binaryCrossEntropy(value, targets) : regressionLoss(subtract(value, targets), model.loss);
  const loss = mean(multiply(weights, losses));
  const [gradient] = gradients(loss, [state.parameters]);
  if (gradient === undefined) throw new Error("one gradient was asked for");
  assignAdam(graph, head, adam(state, gradient, { learningRate, ...ADAM }));
  graph.output("errors", abs(subtract(head === "validity" ? sigmoid(value) : value, targets)));
  graph.output("loss", loss);
  return graph;
}

function evaluate(model: HeadsModel, head: Head, rows: number): Graph {
  const graph = new Graph();
  const features = graph.input("features", [rows, model.features]);
  const parameters = layerTensors(graph.variable(head, [size(model, head)]), headLayers(model));
  const value = reshape(perceptron(features, parameters), [-1]);
  graph.output("values", head === "validity" ? sigmoid(value) : value);
  return graph;
}
