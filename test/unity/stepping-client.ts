/**
 * @file A client for the tests to kill: `node stepping-client.js ENDPOINT SEED` resets, then steps until it ends and
 * prints each answer.
 */
import { setTimeout as wait } from "node:timers/promises";
import { EnvironmentClient, ProtocolError } from "../../protocol/index.js";
import { Random } from "../../trainer/random/random.js";

export const drawAction = (random: Random): Float32Array =>
  Float32Array.from({ length: 6 }, () => random.uniform(-1, 1));

/** The actions of the client with this seed, in order. */
export const actionsOf = (seed: number): Random => Random.stream(seed, "stepping client");

/** A killed client's session ends after a silence; until then, the next client gets BUSY. */
async function patiently(endpoint: string): Promise<EnvironmentClient> {
  for (;;) {
    try {
      return await EnvironmentClient.connect({ endpoint, resendAfter: 50 });
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== "BUSY") throw error;
      await wait(20);
    }
  }
}

if (process.argv[1] === import.meta.filename) {
  const [endpoint = "", seed = "0"] = process.argv.slice(2);
  const client = await patiently(endpoint);
  const random = actionsOf(Number(seed));
  let { results } = await client.batch([{ env: 0, op: "reset", seed: Number(seed) }], []);
  for (;;) {
    const { episode, step, stateHash } = results[0] ?? {};
    process.stdout.write(`${episode} ${step} ${stateHash}\n`);
    ({ results } = await client.batch([{ env: 0, op: "step", action: drawAction(random) }], []));
  }
}
