/** @file Joins the results of a batch's parts, in the order of the whole batch. */
import type { BatchResult, BatchTensor } from "./client.js";
import type { EnvResult, Welcome } from "./messages.js";
import { createTensor, elementCount } from "./spaces.js";

export interface BatchPart {
  readonly result: BatchResult;
  /** Index of each of the part's operations in the whole. */
  readonly places: readonly number[];
}

/** Rows of the whole that no part fills stay zero. */
export function joinParts(
  count: number,
  parts: readonly BatchPart[],
  want: readonly string[],
  welcome: Welcome,
): BatchResult {
  const results: EnvResult[] = new Array(count);
  for (const { result, places } of parts) {
    for (let i = 0; i < places.length; i++) results[places[i] as number] = result.results[i] as EnvResult;
  }
  const tensors: Record<string, BatchTensor> = {};
  for (const uid of want) {
    const spec = welcome.observations.find((candidate) => candidate.uid === uid);
    if (spec === undefined) continue;
    const size = elementCount(spec.shape);
    const data = createTensor(spec.dtype, count * size);
    for (const { result, places } of parts) {
      const part = result.tensors[uid]?.data;
      if (part === undefined) continue;
      for (let i = 0; i < places.length; i++)
        data.set(part.subarray(i * size, (i + 1) * size), (places[i] as number) * size);
    }
    tensors[uid] = { spec, shape: [count, ...spec.shape], data };
  }
  return { results, tensors };
}

/** Whether two servers serve the same environment: everything is equal except session, count and limits. */
export function sameEnvironment(a: Welcome, b: Welcome): boolean {
  const what = ({
    name,
    action,
    observations,
    graphics,
    capabilities,
    stateHash,
    parameters,
    catalog,
  }: Welcome): string =>
    JSON.stringify([name, action, observations, graphics, capabilities, stateHash, parameters, catalog]);
  return what(a) === what(b);
}
