import { expect, it } from "vitest";
import { sharedReading } from "../../../trainer/report/dashboard/shared-reading.js";

it("callers share the reading after the one under way, and none gets another reading's error", async () => {
  const ends: ((error?: Error) => void)[] = [];
  const read = sharedReading(
    () => new Promise((resolve, reject) => ends.push((error) => (error === undefined ? resolve() : reject(error)))),
  );
  const first = read();
  await new Promise(setImmediate);
  const later = [read(), read()];
  expect(ends).toHaveLength(1);
  ends[0]?.(new Error("gone"));
  await expect(first).rejects.toThrow("gone");
  await new Promise(setImmediate);
  expect(ends).toHaveLength(2);
  ends[1]?.();
  await expect(Promise.all(later)).resolves.toHaveLength(2);
});
