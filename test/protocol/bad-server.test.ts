/** @file Servers that answer wrongly: the client says what is wrong, in bounded time. */

import { afterEach, describe, expect, it } from "vitest";
import { Router } from "zeromq";
import { decodeHeader, encodeHeader } from "../../protocol/codec.js";
import type { WireMap } from "../../protocol/environment.js";
import { EnvironmentClient, EnvironmentHost, ProtocolError } from "../../protocol/index.js";
import { specProblem } from "../../protocol/spaces.js";
import { counterDefinition } from "./counter.js";

type Change = (reply: WireMap) => object;

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0).reverse()) one.close();
});

/** A client of a server whose answers after the welcome are changed like this. */
async function clientOf(change: Change): Promise<EnvironmentClient> {
  const socket = new Router({ linger: 0 });
  open.push(socket);
  await socket.bind("tcp://127.0.0.1:*");
  const host = new EnvironmentHost(counterDefinition(), { envCount: 1 });
  void serve(socket, host, change);
  const endpoint = socket.lastEndpoint ?? "";
  const client = await EnvironmentClient.connect({
    endpoint,
    // Errors without a matching request are tolerated about 160 times, and each waits for a resend.
    resendAfter: 20,
    timeouts: { step: 20_000, reset: 20_000 },
  });
  open.push({ close: () => client.end(new Error("over")) });
  return client;
}

async function serve(socket: Router, host: EnvironmentHost, change: Change): Promise<void> {
  try {
    for await (const [peer, ...message] of socket) {
      const [head, ...frames] = host.answer(message);
      const reply = decodeHeader(head ?? Buffer.alloc(0));
      const changed = reply["t"] === "welcome" ? reply : change(reply);
      await socket.send([peer ?? Buffer.alloc(0), encodeHeader(changed), ...frames]);
    }
  } catch {
    // closed
  }
}

const result =
  (change: object): Change =>
  (reply) => {
    const results = reply["results"];
    return Array.isArray(results)
      ? { ...reply, results: results.map((one) => ({ ...(one as WireMap), ...change })) }
      : reply;
  };

const reset = [{ env: 0, op: "reset" as const }];

describe("a server's spec", () => {
  it.each([
    [{ uid: "image", dtype: "uint8", shape: [1e5, 1e5, 3] }, "30000000000 bytes"],
    [{ uid: "image", dtype: "uint8", shape: [1e5, 1e5, 3], low: 0, high: 255 }, "30000000000 bytes"],
    [{ uid: "objects", dtype: "int32", shape: [1e9, 5] }, "20000000000 bytes"],
    [{ uid: "action", dtype: "float32", shape: [2 ** 28 + 1] }, "1073741828 bytes"],
  ] as const)("of more than a frame may hold is refused at once: %j", (spec, bytes) => {
    const problem = specProblem(spec);
    expect(problem).toBe(`${spec.uid}: shape [${spec.shape}] takes ${bytes}, and at most 1073741824 are taken`);
  });

  it("as large as a frame allows is accepted, and its bounds are compared without allocating room for each", () => {
    const largest = { uid: "image", dtype: "uint8", shape: [2 ** 30] } as const;
    expect(specProblem({ ...largest, low: 0, high: 255 })).toBeUndefined();
    expect(specProblem({ ...largest, low: 1, high: 0 })).toBe("image: low 1 is above high 0 at element 0");
    expect(specProblem({ uid: "a", dtype: "float32", shape: [2], low: [0, 3], high: 2 })).toBe(
      "a: low 3 is above high 2 at element 1",
    );
  });
});

describe("a wrong answer is refused with what is wrong", () => {
  it.each<[string, Change, RegExp]>([
    ["of another version", (reply) => ({ ...reply, v: 2 }), /the answer's v is 2; it must be 1/],
    ["without a version", ({ v: _, ...reply }) => reply, /the answer's v is/],
    ["of another session", (reply) => ({ ...reply, sid: "another" }), /the answer is of session "another"/],
    ["without a session", ({ sid: _, ...reply }) => reply, /the answer is of session/],
    [
      "a reward that is no number",
      result({ reward: Number.NaN }),
      /results\[0\]\.reward must be a finite number; it is number \(NaN\)/,
    ],
    [
      "an infinite reward",
      result({ reward: Number.POSITIVE_INFINITY }),
      /results\[0\]\.reward must be a finite number/,
    ],
    ["a step before the first", result({ step: -1 }), /results\[0\]\.step must be an integer from 0/],
    ["half an episode", result({ episode: 0.5 }), /results\[0\]\.episode must be an integer from 0/],
    ["another environment", result({ env: 3 }), /the operation was for 0/],
    ["another type", (reply) => ({ ...reply, t: "pong" }), /the answer's type is "pong"/],
  ])("%s", async (_what, change, message) => {
    const client = await clientOf(change);
    await expect(client.batch(reset, [])).rejects.toThrow(message);
  });
});

describe("a server that never answers a request properly is given up long before the timeout, with its last answer", () => {
  const error =
    (code: string, more: object): Change =>
    (reply) => ({
      ...{
        v: 1,
        t: "error",
        sid: reply["sid"],
        req: reply["req"],
        code,
        message: "so it is",
        detail: {},
        retryable: false,
      },
      ...more,
    });

  it.each<[string, Change, RegExp]>([
    [
      "it misses requests without end",
      error("OUT_OF_ORDER", { retryable: true }),
      /goes on missing requests.*so it is/,
    ],
    [
      "its errors have a number that nobody sent",
      error("INTERNAL", { req: 77_777 }),
      /errors that fit no request; the last: INTERNAL: so it is/,
    ],
  ])("%s", async (_what, change, message) => {
    const client = await clientOf(change);
    const started = performance.now();
    const failed = client.batch(reset, []).catch((reason: unknown) => reason);
    expect(await failed).toBeInstanceOf(ProtocolError);
    expect(String(await failed)).toMatch(message);
    expect(performance.now() - started).toBeLessThan(19_000);
  });
});
