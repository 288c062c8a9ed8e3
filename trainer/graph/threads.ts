/**
 * @file Starts the runtimes' threads, from one thread that treats denormal numbers as zero: a thread inherits this from
 * the one that creates it.
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { StartThread, ThreadEnded, WorkerOptions } from "./messages.js";

/**
 * Since 1.29, onnxruntime reports usage to Microsoft and keeps a database in the user's cache folder, unless this
 * variable is set before the library is loaded. Worker threads and child processes inherit it.
 */
process.env["ORT_DISABLE_TELEMETRY"] = "1";

export interface Thread {
  readonly port: MessagePort;
  /** Resolves when the thread has ended, with the error that ended it. */
  readonly ended: Promise<Error | undefined>;
}

const running = new Map<number, (error?: Error) => void>();
let started = 0;
let origin: Worker | undefined;

/** It lasts as long as the process, and keeps the process alive only while threads run. */
function openOrigin(): Worker {
  const worker = new Worker(new URL("./thread-origin.js", import.meta.url));
  worker.on("message", ({ thread, error }: ThreadEnded) => {
    end(worker, thread, error === undefined ? undefined : new Error(error));
  });
  // Its threads end with it.
  worker.on("error", (error) => {
    if (origin === worker) origin = undefined;
    for (const thread of running.keys()) end(worker, thread, error);
  });
  return worker;
}

function end(worker: Worker, thread: number, error?: Error): void {
  running.get(thread)?.(error);
  running.delete(thread);
  if (running.size === 0) worker.unref();
}

/** Starts worker.ts in a thread of its own. */
export function startThread(options: WorkerOptions): Thread {
  origin ??= openOrigin();
  const { port1, port2 } = new MessageChannel();
  const thread = started++;
  const ended = new Promise<Error | undefined>((resolve) => running.set(thread, resolve));
  origin.ref();
  origin.postMessage({ thread, data: { ...options, port: port2 } } satisfies StartThread, [port2]);
  return { port: port1, ended };
}
