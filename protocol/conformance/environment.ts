/** @file Checks of the environment behind the server, after Gymnasium's check_env: spaces, seeds, episodes, actions. */
import { boundOf, bytesOf, createTensor, dtypeOf, elementCount, membershipCheck, type TensorData } from "../spaces.js";
import { type Check, type Claim, sameData, sampleAction } from "./check.js";
import { demand, Finding, type Peer } from "./peer.js";

const check = (
  claim: Claim,
  name: string,
  requirement: string,
  remedy: string,
  run: (peer: Peer) => Promise<string | undefined> | Promise<void>,
): Check => ({
  name,
  claim,
  requirement,
  remedy,
  run: async (peer) => (await run(peer)) ?? undefined,
});

const EPISODE_STEPS = 2000;

/** Observations to hold against each other: those without a renderer, or there is nothing else, with one. */
function wanted(peer: Peer): string[] {
  const plain = peer.observable.filter((spec) => spec.graphics !== true);
  return (plain.length > 0 ? plain : peer.observable).map(({ uid }) => uid);
}

function inSpace(peer: Peer, uid: string, data: TensorData): void {
  const spec = peer.welcome.observations.find((candidate) => candidate.uid === uid);
  demand(spec !== undefined, `there is no observation "${uid}"`);
  demand(dtypeOf(data) === spec.dtype, `${uid} is ${dtypeOf(data)}, not ${spec.dtype}`);
  const problem = membershipCheck(spec)(data);
  demand(problem === undefined, `an observation outside its space: ${problem?.message}`);
}

/** What was wanted has come: `Peer.outcome` demands it. */
function dataOf(tensors: ReadonlyMap<string, TensorData>, uid: string): TensorData {
  const data = tensors.get(uid);
  demand(data !== undefined, `the answer lacks the wanted observation "${uid}"`);
  return data;
}

/** A reset and some steps: all that can be observed of them. */
async function play(peer: Peer, seed: number, length: number): Promise<{ record: unknown[]; tensors: TensorData[] }> {
  const want = wanted(peer);
  const record: unknown[] = [];
  const tensors: TensorData[] = [];
  for (let i = 0; i <= length; i++) {
    const op =
      i === 0 ? { env: 0, op: "reset", seed } : { env: 0, op: "step", action: sampleAction(peer.welcome.action, i) };
    const { result, tensors: observed } = await peer.one(op, want);
    record.push([result.reward, result.terminated, result.truncated, result.stateHash, result.info]);
    for (const uid of want) tensors.push(dataOf(observed, uid));
    if (result.terminated || result.truncated) break;
  }
  return { record, tensors };
}

export const ENVIRONMENT: readonly Check[] = [
  check(
    "core",
    "reset.required",
    "a step before the first reset is NOT_RESET, as that environment's own error",
    "keep a flag for each environment",
    async (peer) => {
      await peer.hello(); // a new session: nothing has been reset in it
      const action = sampleAction(peer.welcome.action, 0);
      for (const op of [
        { env: 0, op: "step", action },
        { env: 0, op: "noop" },
      ]) {
        const { results } = await peer.batch([op]);
        demand(
          results[0]?.error?.code === "NOT_RESET",
          `${op.op}: expected NOT_RESET, got ${results[0]?.error?.code ?? "no error"}`,
        );
      }
    },
  ),
  check(
    "core",
    "reset.observations",
    "a reset brings every wanted observation, in its dtype, shape and bounds, with reward 0 and no end",
    "hold what you write against the specs of welcome",
    async (peer) => {
      const want = peer.observable.map(({ uid }) => uid);
      const ops = Array.from({ length: peer.welcome.envCount }, (_, env) => ({ env, op: "reset", seed: env }));
      for (const uid of want) {
        const { results, tensors } = await peer.batch(ops, [uid]);
        for (const result of results) {
          demand(
            result.error === undefined,
            `environment ${result.env}: ${result.error?.code} ${result.error?.message}`,
          );
          demand(
            result.reward === 0 && !result.terminated && !result.truncated,
            "a reset must have reward 0, terminated false, truncated false",
          );
          demand(result.step === 0, `a reset must have step 0, not ${result.step}`);
        }
        const data = dataOf(tensors, uid);
        const size = data.length / ops.length;
        for (let i = 0; i < ops.length; i++) inSpace(peer, uid, data.subarray(i * size, (i + 1) * size));
      }
    },
  ),
  check(
    "core",
    "reset.seed_repeats",
    "the same seed gives the same episode start",
    "draw everything of a reset from a generator seeded with it",
    async (peer) => {
      for (const seed of [0, 123, 2 ** 53 - 1]) {
        const [a, b] = [await play(peer, seed, 0), await play(peer, seed, 0)];
        demand(
          a.tensors.every((tensor, i) => sameData(tensor, b.tensors[i])),
          `two resets with seed ${seed} gave different observations`,
        );
      }
    },
  ),
  check(
    "core",
    "reset.seeds_differ",
    "different seeds give different starts (of eight, not all the same)",
    "use the seed; an environment with a single start may ignore this check's finding",
    async (peer) => {
      const { tensors: first } = await play(peer, 0, 0);
      const others: TensorData[][] = [];
      for (let seed = 1; seed < 8; seed++) others.push((await play(peer, seed, 0)).tensors);
      demand(
        others.some((start) => start.some((tensor, i) => !sameData(tensor, first[i]))),
        "eight seeds gave the same observations",
      );
    },
  ),
  check(
    "core",
    "step.repeats",
    "the same seed and actions give the same rewards, ends, infos and observations",
    "no clock, no unseeded generator, no state left over from the episode before",
    async (peer) => {
      const a = await play(peer, 7, 20);
      await play(peer, 8, 3);
      const b = await play(peer, 7, 20);
      demand(JSON.stringify(a.record) === JSON.stringify(b.record), "rewards, ends or infos differ");
      demand(
        a.tensors.every((tensor, i) => sameData(tensor, b.tensors[i])),
        "observations differ",
      );
    },
  ),
  check(
    "core",
    "step.results",
    "each step has a finite reward, counts one, and its observations lie in their spaces",
    "see batch_result in protocol/README.md",
    async (peer) => {
      const want = wanted(peer);
      const start = (await peer.one({ env: 0, op: "reset", seed: 3 })).result;
      for (let i = 1; i <= 20; i++) {
        const { result, tensors } = await peer.one(
          { env: 0, op: "step", action: sampleAction(peer.welcome.action, i) },
          want,
        );
        demand(Number.isFinite(result.reward), `step ${i}: reward is ${result.reward}`);
        demand(result.step === i, `step ${i} is counted as ${result.step}`);
        demand(
          result.episode === start.episode,
          `the episode's number changed from ${start.episode} to ${result.episode} without a reset`,
        );
        for (const [uid, data] of tensors) inSpace(peer, uid, data);
        if (result.terminated || result.truncated) return;
      }
    },
  ),
  check(
    "core",
    "noop.observes",
    "a noop brings observations and changes nothing",
    "observe without a tick",
    async (peer) => {
      await peer.one({ env: 0, op: "reset", seed: 4 });
      const want = wanted(peer);
      const first = await peer.one({ env: 0, op: "noop" }, want);
      const second = await peer.one({ env: 0, op: "noop" }, want);
      for (const uid of want)
        demand(sameData(first.tensors.get(uid), second.tensors.get(uid)), `${uid} changed between two noops`);
      demand(second.result.step === 0, "a noop was counted as a step");
    },
  ),
  check(
    "core",
    "episode.end",
    `an episode that ends (looked for over ${EPISODE_STEPS} steps) delivers its last observation, and then wants a reset`,
    "autoreset is off: answer NOT_RESET to a step after the end",
    async (peer) => {
      const want = wanted(peer);
      const { action } = peer.welcome;
      const { result: start } = await peer.one({ env: 0, op: "reset", seed: 5 });
      for (let i = 1; i <= EPISODE_STEPS; i++) {
        const { result, tensors } = await peer.one({ env: 0, op: "step", action: sampleAction(action, i) }, want);
        if (!result.terminated && !result.truncated) continue;
        const { results } = await peer.batch([{ env: 0, op: "step", action: sampleAction(action, 0) }]);
        demand(
          results[0]?.error?.code === "NOT_RESET",
          `a step after the end: expected NOT_RESET, got ${results[0]?.error?.code ?? "no error"}`,
        );
        const last = await peer.one({ env: 0, op: "noop" }, want);
        for (const uid of want)
          demand(
            sameData(last.tensors.get(uid), tensors.get(uid)),
            `after the end, ${uid} is not the last observation any more`,
          );
        const { result: next } = await peer.one({ env: 0, op: "reset", seed: 5 });
        demand(
          next.episode === start.episode + 1,
          `the next episode has number ${next.episode}, not ${start.episode + 1}`,
        );
        return;
      }
      return `no episode ended within ${EPISODE_STEPS} steps`;
    },
  ),
  check(
    "core",
    "batch.rows",
    "results and tensor rows have the order of the operations",
    "row i belongs to ops[i], whatever its environment",
    async (peer) => {
      const { envCount } = peer.welcome;
      if (envCount < 2) return "not tried: there is one environment";
      const want = wanted(peer);
      const envs = Array.from({ length: Math.min(envCount, 4) }, (_, i) => i);
      const rows = async (order: number[]): Promise<TensorData[][]> => {
        const { tensors } = await peer.batch(
          order.map((env) => ({ env, op: "reset", seed: 40 + env })),
          want,
        );
        return order.map((_, i) =>
          want.map((uid) => {
            const data = dataOf(tensors, uid);
            const size = data.length / order.length;
            return data.subarray(i * size, (i + 1) * size);
          }),
        );
      };
      const forward = await rows(envs);
      const backward = (await rows([...envs].reverse())).reverse();
      demand(
        forward.every((row, i) => row.every((data, j) => sameData(data, backward[i]?.[j]))),
        "reversing the operations did not reverse the rows",
      );
    },
  ),
  check(
    "core",
    "action.bounds",
    "an element out of bounds or NaN is BAD_ACTION that names it (detail.element, detail.bound), and the environment stays as it was",
    "check each element before the step",
    async (peer) => {
      const { action } = peer.welcome;
      const count = elementCount(action.shape);
      const low = boundOf(action.low, count, Number.NEGATIVE_INFINITY);
      const high = boundOf(action.high, count, Number.POSITIVE_INFINITY);
      const [least, most] =
        action.dtype === "uint8" ? [0, 255] : action.dtype === "int32" ? [-(2 ** 31), 2 ** 31 - 1] : [-1e30, 1e30];
      const tries: [number, string, number][] = [];
      for (const element of new Set([0, count - 1])) {
        const lowest = low[element] as number;
        const highest = high[element] as number;
        if (lowest > least) tries.push([element, "low", lowest - 1]);
        if (highest < most) tries.push([element, "high", highest + 1]);
        if (action.dtype.startsWith("float")) tries.push([element, "number", Number.NaN]);
      }
      await peer.one({ env: 0, op: "reset", seed: 1 });
      for (const [element, bound, value] of tries) {
        const wrong = sampleAction(action, 0);
        wrong[element] = value;
        const { results } = await peer.batch([{ env: 0, op: "step", action: wrong }]);
        const error = results[0]?.error;
        const what = `${action.uid}[${element}] = ${value}`;
        demand(error?.code === "BAD_ACTION", `${what}: expected BAD_ACTION, got ${error?.code ?? "no error"}`);
        demand(
          error.detail["element"] === element,
          `${what}: detail.element is ${error.detail["element"]}, not ${element}`,
        );
        demand(
          error.detail["bound"] === bound,
          `${what}: detail.bound is ${JSON.stringify(error.detail["bound"])}, not "${bound}"`,
        );
      }
      demand((await peer.one({ env: 0, op: "noop" })).result.step === 0, "a refused action was counted as a step");
    },
  ),
  check(
    "core",
    "action.shape",
    "an action tensor of another dtype or shape is BAD_ACTION for the whole message",
    "compare the tensor's header with the action spec: a row for each step",
    async (peer) => {
      const { action } = peer.welcome;
      const size = elementCount(action.shape);
      const other = action.dtype === "float64" ? "float32" : "float64";
      const wrong = [
        { dtype: action.dtype, shape: [1, size + 1], data: createTensor(action.dtype, size + 1) },
        { dtype: action.dtype, shape: [2, ...action.shape], data: createTensor(action.dtype, 2 * size) },
        { dtype: other, shape: [1, ...action.shape], data: createTensor(other, size) },
      ] as const;
      for (const { dtype, shape, data } of wrong) {
        await peer.refused(
          "BAD_ACTION",
          {
            t: "batch",
            ops: [{ env: 0, op: "step" }],
            want: [],
            tensors: [{ uid: action.uid, dtype, shape, frame: 0 }],
          },
          [bytesOf(data)],
        );
      }
    },
  ),
  check(
    "core",
    "batch.errors_apart",
    "an error of one environment leaves the others of the batch alone",
    "put it into that result's error and go on",
    async (peer) => {
      if (peer.welcome.envCount < 2) return "not tried: there is one environment";
      const { action } = peer.welcome;
      await peer.hello();
      await peer.one({ env: 1, op: "reset", seed: 1 });
      const { results } = await peer.batch([0, 1].map((env) => ({ env, op: "step", action: sampleAction(action, 0) })));
      demand(results[0]?.error?.code === "NOT_RESET", "environment 0 was not reset, and must say NOT_RESET");
      demand(results[1]?.error === undefined && results[1]?.step === 1, "environment 1 did not make its step");
    },
  ),
  check(
    "core",
    "graphics.honest",
    "an image wanted of a server without a renderer is NO_GRAPHICS, never a black frame",
    "look at the spec's graphics flag before the batch is executed",
    async (peer) => {
      const image = peer.welcome.observations.find((spec) => spec.graphics === true);
      if (image === undefined || peer.welcome.graphics !== null) return "nothing to refuse here";
      await peer.refused("NO_GRAPHICS", { t: "batch", ops: [{ env: 0, op: "reset", seed: 1 }], want: [image.uid] });
    },
  ),
  check(
    "images",
    "images.drawn",
    "an image shows something, and the same state gives the same image",
    "render on request, after the state has settled",
    async (peer) => {
      const image = peer.welcome.observations.find((spec) => spec.graphics === true && spec.shape.at(-1) === 3);
      if (image === undefined) throw new Finding("images is claimed, but no observation [H, W, 3] has graphics: true");
      await peer.one({ env: 0, op: "reset", seed: 1 });
      const first = (await peer.one({ env: 0, op: "noop" }, [image.uid])).tensors.get(image.uid);
      const second = (await peer.one({ env: 0, op: "noop" }, [image.uid])).tensors.get(image.uid);
      demand(first !== undefined && second !== undefined, "no image came");
      demand(Buffer.compare(bytesOf(first), bytesOf(second)) === 0, "two images of one state differ");
      demand(
        first.some((value) => value !== first[0]),
        "the image has a single colour",
      );
    },
  ),
  check(
    "state_hash",
    "state_hash.follows_state",
    "state_hash has 16 hexadecimal digits, repeats with seed and actions, changes with the state, and not with a noop",
    "hash the integers of the state as protocol/README.md says",
    async (peer) => {
      const hash = async (op: Parameters<Peer["one"]>[0]): Promise<string> => {
        const { stateHash } = (await peer.one(op)).result;
        demand(
          stateHash !== undefined && /^[0-9a-f]{16}$/.test(stateHash),
          `state_hash is ${JSON.stringify(stateHash)}`,
        );
        return stateHash;
      };
      const start = await hash({ env: 0, op: "reset", seed: 11 });
      demand((await hash({ env: 0, op: "noop" })) === start, "a noop changed it");
      demand((await hash({ env: 0, op: "reset", seed: 11 })) === start, "the same seed gave another");
      const others = new Set<string>();
      for (let seed = 0; seed < 8; seed++) others.add(await hash({ env: 0, op: "reset", seed }));
      demand(others.size > 1, "eight seeds gave the same");
    },
  ),
  check(
    "configure",
    "configure.parameters",
    "each parameter takes its default; unknown names, wrong types and values out of bounds are BAD_MESSAGE",
    "check against the definitions that welcome carries",
    async (peer) => {
      const { parameters } = peer.welcome;
      demand(parameters.length > 0, "configure is claimed, but welcome defines no parameters");
      for (const { name, type, default: standard, low, high } of parameters) {
        const { header } = await peer.ask({ t: "configure", parameters: { [name]: standard } });
        demand(
          header["t"] === "configured",
          `${name} = ${standard} was answered by "${header["t"]}" ${header["message"] ?? ""}`,
        );
        await peer.refused("BAD_MESSAGE", { t: "configure", parameters: { [name]: type === "string" ? 1 : "text" } });
        if (low !== undefined) await peer.refused("BAD_MESSAGE", { t: "configure", parameters: { [name]: low - 1 } });
        if (high !== undefined) await peer.refused("BAD_MESSAGE", { t: "configure", parameters: { [name]: high + 1 } });
      }
      await peer.refused("BAD_MESSAGE", { t: "configure", parameters: { "no such parameter": 1 } });
    },
  ),
];
