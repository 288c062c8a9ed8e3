/** @file The caller's side of the tensorflow.js learner's worker thread. */
import { Worker } from "node:worker_threads";
import { UnavailableError } from "../../errors.js";
import type { Tensors } from "../../tensor.js";
import type { Learner } from "../learner.js";
import type { Model } from "../models.js";
import type { Request, Response } from "./worker.js";

interface Waiting {
  readonly resolve: (response: { readonly tensors: Tensors; readonly description: string }) => void;
  readonly reject: (error: Error) => void;
}

type Body = Request extends infer R ? (R extends { readonly id: number } ? Omit<R, "id"> : never) : never;

export async function openTfjsLearner(model: Model): Promise<Learner> {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: model });
  const waiting = new Map<number, Waiting>();
  let requests = 0;
  let ended: Error | undefined;
  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on("message", (response: Response) => {
    const request = waiting.get(response.id);
    waiting.delete(response.id);
    if ("error" in response) request?.reject(new UnavailableError(`tensorflow.js learner: ${response.error}`));
    else request?.resolve(response);
  });
  worker.on("error", end);
  worker.on("exit", () => end(new Error("the tensorflow.js learner's thread has ended")));
  const ask = (body: Body): Promise<{ readonly tensors: Tensors; readonly description: string }> =>
    new Promise((resolve, reject) => {
      if (ended) return reject(ended);
      const id = requests++;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, ...body } satisfies Request);
    });
  const close = async (): Promise<void> => {
    await worker.terminate();
  };
  try {
    const { description } = await ask({ op: "start" });
    return {
      description,
      call: async (name, feeds) => (await ask({ op: "call", name, feeds })).tensors,
      get: async () => (await ask({ op: "get" })).tensors,
      set: async (variables) => {
        await ask({ op: "set", variables });
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
