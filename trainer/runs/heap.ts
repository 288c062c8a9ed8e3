/** @file How often this process collects garbage. */
import { setFlagsFromString } from "node:v8";

/**
 * Lets live data (about 20 MB in a run) grow fivefold between two collections of the whole heap, instead of V8's own
 * choice. V8 also counts arrays outside its heap, such as images and batches: it did nine collections an iteration,
 * with marking threads beside the working one. Now it does two, for some tens of MB more (figures:
 * benchmarks/results/README.md).
 */
export function collectSeldom(): void {
  setFlagsFromString("--heap-growing-percent=400");
}
