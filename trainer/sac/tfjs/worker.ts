/** @file The worker thread of the tensorflow.js learner: one model's variables and functions, one request at a time. */
import { parentPort, workerData } from "node:worker_threads";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensors } from "../../tensor.js";
import type { Model } from "../models.js";
import { startBackend } from "./backend.js";
import { headFunctions } from "./heads.js";
import { fromTensor, toTensor, Variables } from "./networks.js";
import { sacFunctions } from "./sac.js";

export type Request =
  | { readonly id: number; readonly op: "start" | "get" }
  | { readonly id: number; readonly op: "set"; readonly variables: Tensors }
  | { readonly id: number; readonly op: "call"; readonly name: string; readonly feeds: Tensors };

export type Response =
  | { readonly id: number; readonly tensors: Tensors; readonly description: string }
  | { readonly id: number; readonly error: string };

const model = workerData as Model;
const variables = new Variables();
const functions = model.kind === "sac" ? sacFunctions(model, variables) : headFunctions(model, variables);
const backend = startBackend();

async function read(outputs: Readonly<Record<string, tf.Tensor>>): Promise<Tensors> {
  const entries: [string, Tensor][] = [];
  for (const [name, tensor] of Object.entries(outputs)) {
    entries.push([name, await toTensor(tensor)]);
  }
  // One tensor may have two names.
  for (const tensor of Object.values(outputs)) tensor.dispose();
  return Object.fromEntries(entries);
}

async function answer(request: Request): Promise<Tensors> {
  switch (request.op) {
    case "start":
      return {};
    case "get":
      return variables.read();
    case "set":
      tf.tidy(() => {
        for (const [name, tensor] of Object.entries(request.variables)) variables.set(name, fromTensor(tensor));
      });
      return {};
    case "call": {
      const run = functions[request.name];
      if (run === undefined) throw new Error(`the model has no function "${request.name}"`);
      const outputs = tf.tidy(() => {
        const feeds = Object.entries(request.feeds).map(([name, tensor]) => [name, fromTensor(tensor)] as const);
        return run(Object.fromEntries(feeds));
      });
      return read(outputs);
    }
  }
}

const port = parentPort;
if (port === null) throw new Error("this file runs as a worker thread");
let queue: Promise<void> = Promise.resolve();
port.on("message", (request: Request) => {
  queue = queue.then(async () => {
    const { id } = request;
    try {
      const description = await backend;
      port.postMessage({ id, tensors: await answer(request), description } satisfies Response);
    } catch (error) {
      port.postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies Response);
    }
  });
});
