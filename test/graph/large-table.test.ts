import { describe, expect, it } from "vitest";
import { Graph, gather, gradients, multiply, startRuntime, sum, type Value } from "../../trainer/graph/index.js";

describe("the gradient of rows gathered from a large table", () => {
  it("adds up rows that occur many times, on several threads", async () => {
    const [rows, width, count] = [5000, 32, 4000];
    const graph = new Graph();
    const table = graph.input("table", [rows, width]);
    const indices = graph.input("indices", [count], "int32");
    const weights = graph.input("weights", [count, width]);
    const [gradient] = gradients(sum(multiply(gather(table, indices), weights)), [table]) as [Value];
    graph.output("gradient", gradient);
    const picked = Int32Array.from({ length: count }, (_, i) => (i * i) % 97);
    const data = Float32Array.from({ length: count * width }, (_, i) => ((i * 37) % 101) - 50);
    const expected = new Float32Array(rows * width);
    data.forEach((value, i) => {
      const at = (picked[Math.floor(i / width)] ?? 0) * width + (i % width);
      expected[at] = (expected[at] ?? 0) + value;
    });
    const runtime = await startRuntime({ device: "cpu", threads: 4 });
    try {
      const program = await runtime.load({ bytes: graph.serialize() }, graph.binding);
      for (let repetition = 0; repetition < 5; repetition++) {
        const found = await program.run({
          table: { type: "float32", dims: [rows, width], data: new Float32Array(rows * width) },
          indices: { type: "int32", dims: [count], data: picked },
          weights: { type: "float32", dims: [count, width], data },
        });
        const actual = found["gradient"]?.data ?? [];
        expect(expected.filter((value, i) => Number(actual[i]) !== value)).toHaveLength(0);
      }
    } finally {
      await runtime.close();
    }
  });
});
