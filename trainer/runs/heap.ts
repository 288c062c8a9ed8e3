/** @file How often this process collects garbage. */
import { setFlagsFromString } from "node:v8";

/**
 * Lets what lives (some 20 MB in a run) grow to five times its size between two collections of the whole heap, in the place of what V8
 * chooses. It counts arrays outside its heap too, images and batches, and so came to nine collections an iteration, with threads that mark
 * beside the one that works; so it comes to two, for some tens of MB more (benchmarks/results/README.md has both figures).
 */
export function collectSeldom(): void {
  setFlagsFromString("--heap-growing-percent=400");
}
