/**
 * @file The NVIDIA libraries that each version of onnxruntime's CUDA provider needs, read from its binary: the number
 * in npm's name for the download ("cuda12") does not tell. `node dist/trainer/graph/shared-libraries.js FILE` reads
 * them from a binary.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export interface CudaNeeds {
  /** Major version of the CUDA toolkit. */
  readonly cuda: number;
  /** The oldest NVIDIA driver that it runs on, under Linux. */
  readonly driver: number;
  /** NVIDIA libraries that the provider is linked with. */
  readonly linked: readonly string[];
  /** NVIDIA libraries that it opens on first use. */
  readonly opened: readonly string[];
}

const CUDA_13: CudaNeeds = {
  cuda: 13,
  driver: 580,
  linked: ["libcublas.so.13", "libcublasLt.so.13", "libcuda.so.1", "libcudart.so.13", "libcurand.so.10"],
  opened: ["libcudnn.so", "libnvrtc.so.13"],
};

/** By onnxruntime version; from the published libonnxruntime_providers_cuda.so for Linux x64. */
export const CUDA_NEEDS: Readonly<Record<string, CudaNeeds>> = {
  "1.30.0": CUDA_13,
  "1.31.0": { ...CUDA_13, opened: ["libnvrtc.so.13"] },
};

/** What a user installs, in words. */
export const toolkit = ({ cuda, opened }: CudaNeeds): string =>
  opened.includes("libcudnn.so") ? `CUDA ${cuda} and cuDNN 9` : `CUDA ${cuda}`;

/** The installed version of onnxruntime-node. */
export function installedOnnxruntime(): string {
  const file = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** The needs of a version; of the newest version in the table where it is not listed. */
export function cudaNeeds(version = installedOnnxruntime()): CudaNeeds {
  const newest = Object.values(CUDA_NEEDS).at(-1) ?? CUDA_13;
  return CUDA_NEEDS[version] ?? newest;
}
