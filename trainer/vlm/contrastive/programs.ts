/** @file The graphs of a contrastive model: each tower's embeddings, and the loss of a step on caption sets. */
import { l2Normalize as unit, type Value } from "../../graph/index.js";
import type { Scope } from "../layers/scope.js";
import { patchesInput, patchesUnlessFed } from "../training/image-front.js";
import type { Built } from "../training/program-cache.js";
import { programOf, type Source } from "../training/source.js";
import { logitsPerImage } from "./losses.js";
import type { ContrastiveNetwork, TextBatch } from "./network.js";

export interface ContrastiveSource extends Source {
  readonly network: ContrastiveNetwork;
}

/** patches → embeddings [images, embedding] of unit length. */
export function imageProgram(source: ContrastiveSource, images: number): Built {
  const { network } = source;
  return programOf(source, (scope) => {
    scope.graph.output("embeddings", unit(network.image(scope, patchesInput(scope.graph, network, images))));
  });
}

/** Texts → embeddings [texts, embedding] of unit length. */
export function textProgram(source: ContrastiveSource, batch: TextBatch): Built {
  return programOf(source, (scope) => scope.graph.output("embeddings", unit(batch.features(scope))));
}

/** → the current factor and, where the architecture has one, bias. */
export function calibrationProgram(source: ContrastiveSource): Built {
  return programOf(source, (scope) => {
    const { factor, bias } = source.network.calibration(scope);
    scope.graph.output("factor", factor);
    if (bias !== null) scope.graph.output("bias", bias);
  });
}

export interface StepShape {
  readonly images: number;
  /** The most caption sets of an image. */
  readonly sets: number;
}

/** Where a step starts: everything before is frozen, and supplied as input. */
export interface StepStart {
  /** A stage of the image network whose value is the input "front"; null: patches are the input. */
  readonly image: string | null;
  /** Whether the texts' embeddings are the input, as "text_embeddings". */
  readonly textsFrozen: boolean;
}

/** patches (or front), texts (or their embeddings), members, right → the loss. */
export function captionSetLoss(
  scope: Scope,
  network: ContrastiveNetwork,
  batch: TextBatch,
  { images, sets }: StepShape,
  start: StepStart,
): Value {
  const { graph } = scope;
  const image = unit(network.image(scope, patchesUnlessFed(graph, network, images, start.image)));
  const text = start.textsFrozen
    ? graph.input("text_embeddings", [batch.texts, network.embedding])
    : unit(batch.features(scope));
  return network.captionSetLoss(logitsPerImage(image, text, network.calibration(scope)), {
    members: graph.input("members", [images, sets, batch.texts]),
    right: graph.input("right", [images, sets, batch.texts]),
  });
}
