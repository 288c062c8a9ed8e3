/**
 * @file Which of NVIDIA's libraries each version of onnxruntime's CUDA provider asks for, as its binary says: the number in npm's name for
 * the download ("cuda12") does not tell. `node dist/trainer/graph/shared-libraries.js FILE` reads them from a binary.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export interface CudaNeeds {
  /** Major version of the CUDA toolkit. */
  readonly cuda: number;
  /** The oldest NVIDIA driver that it runs on, for Linux. */
  readonly driver: number;
  /** Libraries of NVIDIA's that the provider is linked with. */
  readonly linked: readonly string[];
  /** Those that it opens when it first needs them. */
  readonly opened: readonly string[];
}

const CUDA_13: CudaNeeds = {
  cuda: 13,
  driver: 580,
  linked: ["libcublas.so.13", "libcublasLt.so.13", "libcuda.so.1", "libcudart.so.13", "libcurand.so.10"],
  opened: ["libcudnn.so", "libnvrtc.so.13"],
};

/** By the version of onnxruntime: libonnxruntime_providers_cuda.so for Linux on x64, as read from the published binaries. */
export const CUDA_NEEDS: Readonly<Record<string, CudaNeeds>> = {
  "1.30.0": CUDA_13,
  "1.31.0": { ...CUDA_13, opened: ["libnvrtc.so.13"] },
};

/** What a user installs, in words. */
export const toolkit = ({ cuda, opened }: CudaNeeds): string =>
  opened.includes("libcudnn.so") ? `CUDA ${cuda} and cuDNN 9` : `CUDA ${cuda}`;

/** The version of onnxruntime-node that is installed. */
export function installedOnnxruntime(): string {
  const file = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** Of a version that is not in the table: what the newest one in it asks for. */
export function cudaNeeds(version = installedOnnxruntime()): CudaNeeds {
  const newest = Object.values(CUDA_NEEDS).at(-1) ?? CUDA_13;
  return CUDA_NEEDS[version] ?? newest;
}
