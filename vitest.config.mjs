import { defineConfig } from "vitest/config";

// The tests run against what ships: the compiled files, so that worker threads and child processes are the real ones.
export default defineConfig({
  test: {
    include: ["dist/test/**/*.test.js"],
    pool: "forks",
    testTimeout: 60_000,
    // A busy machine takes longer for what comes; what has come is not waited for.
    expect: { poll: { timeout: 15_000 } },
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
