import { createRequire } from "node:module";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { CUDA_NEEDS, cudaNeeds, installedOnnxruntime } from "../../trainer/graph/cuda-libraries.js";
import { linkedLibraries } from "../../trainer/graph/shared-libraries.js";

describe("what CUDA needs", () => {
  it("is known for the installed version of onnxruntime", () => {
    expect(Object.keys(CUDA_NEEDS)).toContain(installedOnnxruntime());
  });

  it("names the toolkit that its libraries belong to", () => {
    for (const { cuda, linked } of Object.values(CUDA_NEEDS)) {
      expect(linked).toContain(`libcudart.so.${cuda}`);
      expect(linked).toContain(`libcublas.so.${cuda}`);
    }
    expect(cudaNeeds("0.0.0")).toBe(Object.values(CUDA_NEEDS).at(-1));
  });
});

describe.skipIf(process.platform !== "linux")("a binary's libraries", () => {
  it("are read from its dynamic section", () => {
    const folder = path.dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
    const file = path.join(folder, `bin/napi-v6/linux/${process.arch}/onnxruntime_binding.node`);
    expect(linkedLibraries(file)).toContain("libonnxruntime.so.1");
    expect(linkedLibraries(file)).toContain("libc.so.6");
    expect(() => linkedLibraries(path.join(folder, "package.json"))).toThrow("no 64-bit ELF file");
  });
});
