/** @file Starts a runtime on the requested device. */
import { UnavailableError } from "../errors.js";
import { float32 } from "../tensor.js";
import { chooseDevice } from "./device.js";
import { Graph } from "./graph.js";
import { matMul } from "./operators/matrix.js";
import type { Runtime, RuntimeOptions } from "./runtime.js";
import { WorkerRuntime } from "./worker-runtime.js";

/**
 * Starts an onnxruntime thread on the requested device and checks that it computes.
 * @throws InputError for an unknown device; UnavailableError where it does not work (what is missing, what to install,
 * which devices work)
 */
export async function startRuntime({ device, threads }: RuntimeOptions): Promise<Runtime> {
  const chosen = await chooseDevice(device);
  const runtime = new WorkerRuntime(chosen.device, threads, chosen.reason);
  try {
    await verify(runtime);
  } catch (error) {
    await runtime.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnavailableError(`--device ${device} (${chosen.device}) does not work here: ${reason}`, { cause: error });
  }
  return runtime;
}

/** Computes one small product on the device. */
async function verify(runtime: Runtime): Promise<void> {
  const graph = new Graph();
  const x = graph.input("x", [1, 2]);
  graph.output("y", matMul(x, graph.constant(Float32Array.of(3, -5), [2, 1])));
  const program = await runtime.load({ bytes: graph.serialize() });
  const { y } = await program.run({ x: float32(Float32Array.of(7, 2), [1, 2]) });
  if (y?.data[0] !== 11) throw new Error(`a product gave ${y?.data[0]} instead of 11`);
  await program.release();
}
