/**
 * @file The thread that starts the runtimes' threads. It makes onnxruntime treat denormal numbers as zero, which its
 * threads inherit.
 *
 * Numbers below 1e-38 change no result, but a processor needs hundreds of cycles for each: for the exponentials of
 * masked cells, and for the moments of weights that get no gradient any more. onnxruntime has an option for this, but
 * follows it only in a process's first session, for the thread that opens it. So this thread must be the first, and it
 * is not the caller's, whose arithmetic stays as it is.
 */
import { parentPort, Worker } from "node:worker_threads";
import { Graph } from "./graph.js";
import type { StartThread, ThreadEnded } from "./messages.js";
import { add } from "./operators/arithmetic.js";

async function flushDenormals(): Promise<void> {
  const graph = new Graph();
  graph.output("y", add(graph.input("x", [1]), 1));
  const { InferenceSession } = await import("onnxruntime-node");
  const settings = { intraOpNumThreads: 1, extra: { session: { set_denormal_as_zero: "1" } } };
  await (await InferenceSession.create(graph.serialize(), settings)).release();
}

if (!parentPort) throw new Error("thread-origin.js runs as a worker thread");
const port = parentPort;
const ready = flushDenormals().catch(() => {
  // A library that cannot be loaded is reported by the thread that needs it.
});

port.on("message", async ({ thread, data }: StartThread) => {
  await ready;
  const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: data, transferList: [data.port] });
  let failure: string | undefined;
  worker.on("error", (error: unknown) => {
    // Whatever it was, it has passed a thread's border, and need not be an Error any more.
    failure = String((error as { readonly message?: unknown } | null)?.message ?? error);
  });
  worker.on("exit", () => {
    port.postMessage({ thread, ...(failure !== undefined && { error: failure }) } satisfies ThreadEnded);
  });
});
