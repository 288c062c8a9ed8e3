/**
 * @file Chooses tensorflow.js's backend: the user's optional @tensorflow/tfjs-node-gpu, else @tensorflow/tfjs-node,
 * else WebAssembly. WebAssembly is installed with this package and runs everywhere, but slowly (one thread, no BLAS).
 */
import * as tf from "@tensorflow/tfjs-core";
import { UnavailableError } from "../../errors.js";
import { registerGradients } from "./gradients.js";

const NATIVE = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;

/** Activates a backend; says which, and why no faster one. */
export async function startBackend(): Promise<string> {
  const missing: string[] = [];
  for (const name of NATIVE) {
    try {
      await import(name);
      if (!(await tf.setBackend("tensorflow"))) throw new Error("its backend does not start");
      registerGradients();
      return `tensorflow.js, ${name}`;
    } catch (error) {
      missing.push(`${name}: ${explain(error)}`);
    }
  }
  try {
    await import("@tensorflow/tfjs-backend-wasm");
    if (!(await tf.setBackend("wasm"))) throw new Error("the WebAssembly backend does not start");
  } catch (error) {
    throw new UnavailableError(
      `tensorflow.js has no backend here (${[...missing, explain(error)].join("; ")}): use --learner onnx`,
    );
  }
  registerGradients();
  return `tensorflow.js, wasm (${missing.join("; ")})`;
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && error.code === "ERR_MODULE_NOT_FOUND") return "not installed";
  // The first line of a native module's error names the missing library.
  return error.message.split("\n", 1)[0] ?? error.message;
}
