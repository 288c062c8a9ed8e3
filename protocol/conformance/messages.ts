/** @file Checks of the conversation: sessions, order, resends, limits, and that nothing wrong ends the connection. */
import { encodeHeader } from "../codec.js";
import { bytesOf, createTensor, elementCount } from "../spaces.js";
import { type Check, sampleAction } from "./check.js";
import { demand, Finding, type Peer } from "./peer.js";

const core = (
  name: string,
  requirement: string,
  remedy: string,
  run: (peer: Peer) => Promise<string | undefined> | Promise<void>,
): Check => ({
  name,
  claim: "core",
  requirement,
  remedy,
  run: async (peer) => (await run(peer)) ?? undefined,
});

/** The connection lives on: a ping gets its pong. */
async function alive(peer: Peer): Promise<void> {
  const { header } = await peer.ask({ t: "ping" });
  demand(header["t"] === "pong", `after it, a ping was answered by "${header["t"]}"`);
}

async function steps(peer: Peer): Promise<number> {
  return (await peer.one({ env: 0, op: "noop" })).result.step;
}

/** An episode with at least one step still in it, for the checks that count steps. */
async function fresh(peer: Peer): Promise<void> {
  await peer.one({ env: 0, op: "reset", seed: 1 });
}

export const BEFORE_HELLO: readonly Check[] = [
  core(
    "hello.version",
    "a header with a major version that the server does not speak is answered by VERSION",
    "compare the header's v (and hello's protocols) with the versions you speak before anything else; put them in detail.protocols",
    async (peer) => {
      const wrong = peer.mustBe("VERSION", await peer.ask({ ...peer.helloFields(), v: 99 }));
      const detail = wrong["detail"] as { protocols?: unknown } | undefined;
      demand(Array.isArray(detail?.protocols), "detail.protocols must list the versions that the server speaks");
      peer.mustBe("VERSION", await peer.ask(peer.helloFields({ protocols: [99] })));
    },
  ),
  core(
    "session.required",
    "a request without a session is answered by NO_SESSION",
    "compare sid with the session's own for every type but hello",
    async (peer) => {
      await peer.refused("NO_SESSION", { t: "ping", sid: "0000000000000000" });
    },
  ),
];

export const HELLO: readonly Check[] = [
  core(
    "hello.welcome",
    "hello is answered by a welcome with all required fields, valid specs and limits",
    "see the table of welcome in protocol/README.md",
    async (peer) => {
      await peer.hello();
      demand(peer.sid !== "", "sid is empty");
    },
  ),
  core(
    "hello.repeated",
    "the same hello again (client and req) gets the same welcome: its first answer may have been lost",
    "keep the welcome as you keep every reply; open no second session",
    async (peer) => {
      const frames = peer.frames(peer.helloFields());
      await peer.sendRaw(frames);
      const first = await peer.receiveRaw();
      await peer.sendRaw(frames);
      const second = await peer.receiveRaw();
      demand(
        first.length === 1 && Buffer.compare(first[0] as Buffer, second[0] as Buffer) === 0,
        "the second welcome differs from the first",
      );
      await peer.hello();
    },
  ),
  core(
    "hello.busy",
    "a hello of another client during a session is answered by BUSY, and the session goes on",
    "one session at a time; compare hello's client with the session's",
    async (peer) => {
      const answer = await peer.exchange(
        [encodeHeader({ v: 1, req: 1, ...peer.helloFields({ client: "another-client" }) })],
        1,
      );
      const busy = peer.mustBe("BUSY", answer);
      demand(busy["retryable"] === true, "BUSY must be retryable: the session may end");
      await alive(peer);
    },
  ),
];

export const CONVERSATION: readonly Check[] = [
  core(
    "ping.pong",
    "ping is answered by pong with tick_age_ms and queue_depth",
    "answer it from the same loop as batch",
    async (peer) => {
      const { header } = await peer.ask({ t: "ping" });
      demand(header["t"] === "pong", `it was answered by "${header["t"]}"`);
      for (const field of ["tick_age_ms", "queue_depth"])
        demand(typeof header[field] === "number", `${field} must be a number`);
    },
  ),
  core("message.unknown_key", "unknown keys are ignored", "read only the keys you know", async (peer) => {
    await peer.batch([{ env: 0, op: "reset", seed: 1 }], [], { x_future: { nested: [1, 2, 3] }, priority: "high" });
  }),
  core(
    "message.unknown_type",
    "an unknown message type is BAD_MESSAGE, and the connection lives on",
    "answer with an error instead of closing",
    async (peer) => {
      await peer.refused("BAD_MESSAGE", { t: "teleport" });
      await alive(peer);
    },
  ),
  core(
    "message.wrong_values",
    "a value of the wrong type is BAD_MESSAGE, and nothing of the message is executed",
    "check the whole header before the first environment moves",
    async (peer) => {
      await fresh(peer);
      const before = await steps(peer);
      const { envCount } = peer.welcome;
      const wrong: object[] = [
        { ops: "all" },
        { ops: [7] },
        { ops: [{ env: "0", op: "noop" }] },
        { ops: [{ env: envCount, op: "noop" }] },
        { ops: [{ env: -1, op: "noop" }] },
        { ops: [{ env: 0.5, op: "noop" }] },
        { ops: [{ env: 0, op: "jump" }] },
        { ops: [{ env: 0, op: "reset", seed: -1 }] },
        { ops: [{ env: 0, op: "reset", seed: "one" }] },
        {
          ops: [
            { env: 0, op: "noop" },
            { env: 0, op: "noop" },
          ],
        },
        { ops: [{ env: 0, op: "noop" }], want: "everything" },
        { ops: [{ env: 0, op: "noop" }], want: ["no-such-observation"] },
        { ops: [{ env: 0, op: "step" }] },
        {
          ops: [{ env: 0, op: "noop" }],
          tensors: [{ uid: peer.welcome.action.uid, dtype: "float32", shape: [1], frame: 3 }],
        },
      ];
      for (const fields of wrong) {
        const answer = await peer.ask({ t: "batch", want: [], ...fields });
        try {
          peer.mustBe("BAD_MESSAGE", answer);
        } catch (error) {
          throw new Finding(`${JSON.stringify(fields)}: ${error instanceof Error ? error.message : error}`);
        }
      }
      demand((await steps(peer)) === before, "one of the wrong messages was executed");
    },
  ),
  core(
    "message.garbage",
    "bytes that are no header are BAD_MESSAGE with req 0, and the connection lives on",
    "decode with limits: depth, counts against the bytes left, no extension types",
    async (peer) => {
      const deep = Buffer.concat([Buffer.from([0x81, 0xa1, 0x78]), Buffer.alloc(64, 0x91), Buffer.from([0xc0])]);
      const garbage: [string, Buffer][] = [
        ["an empty header", Buffer.alloc(0)],
        ["random bytes", Buffer.from("ffc1deadbeef00c7", "hex")],
        ["an array", Buffer.from([0x92, 1, 2])],
        ["a cut map", Buffer.from([0x82, 0xa1, 0x76, 1])],
        ["an extension type", Buffer.from([0x81, 0xa1, 0x76, 0xd4, 1, 0])],
        ["a map of 2^32 − 1 entries", Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff])],
        ["64 nested arrays", deep],
      ];
      for (const [what, bytes] of garbage) {
        await peer.sendRaw([bytes]);
        const answer = await peer.receive();
        demand(answer.header["req"] === 0, `${what}: the error must carry req 0, since the request's can't be read`);
        peer.mustBe("BAD_MESSAGE", answer);
      }
      await alive(peer);
    },
  ),
  core(
    "resend.executed_once",
    "the same req again gets the same reply, and is not executed a second time",
    "keep the last max_in_flight replies of the session",
    async (peer) => {
      await fresh(peer);
      const { fields, payload } = peer.batchFields(
        [{ env: 0, op: "step", action: sampleAction(peer.welcome.action, 0) }],
        [],
      );
      const frames = peer.frames(fields, payload);
      await peer.sendRaw(frames);
      const first = await peer.receiveRaw();
      await peer.sendRaw(frames);
      const second = await peer.receiveRaw();
      demand(Buffer.concat(first).equals(Buffer.concat(second)), "the second reply differs from the first");
      const count = await steps(peer);
      demand(count === 1, `after one step, sent twice, the environment has made ${count}`);
    },
  ),
  core(
    "resend.too_old",
    "a req older than the kept replies is OUT_OF_ORDER, not retryable, and not executed",
    "compare req with the last one executed",
    async (peer) => {
      await fresh(peer);
      const { fields, payload } = peer.batchFields(
        [{ env: 0, op: "step", action: sampleAction(peer.welcome.action, 0) }],
        [],
      );
      const frames = peer.frames(fields, payload);
      const old = peer.req;
      await peer.exchange(frames, old);
      for (let i = 0; i < peer.welcome.limits.max_in_flight; i++) await peer.ask({ t: "ping" });
      const error = peer.mustBe("OUT_OF_ORDER", await peer.exchange(frames, old));
      demand(error["retryable"] === false, "it must not be retryable: the reply is gone");
      demand((await steps(peer)) === 1, "it was executed again");
    },
  ),
  core(
    "resend.gap",
    "a req beyond the next is OUT_OF_ORDER, retryable, with detail.expected: what came before it was lost",
    "execute requests only in sequence; the client sends again from detail.expected",
    async (peer) => {
      const expected = peer.req + 1;
      const frames = [encodeHeader({ v: 1, t: "ping", sid: peer.sid, req: expected + 1 })];
      const error = peer.mustBe("OUT_OF_ORDER", await peer.exchange(frames, expected + 1));
      demand(error["retryable"] === true, "a gap must be retryable");
      demand(
        (error["detail"] as { expected?: unknown } | undefined)?.expected === expected,
        `detail.expected must be ${expected}`,
      );
      await alive(peer);
    },
  ),
  core(
    "pipeline.order",
    "max_in_flight requests sent at once are answered one by one, in order",
    "work through them in the order of arrival",
    async (peer) => {
      const first = peer.req + 1;
      const { max_in_flight: count } = peer.welcome.limits;
      for (let i = 0; i < count; i++) await peer.sendRaw(peer.frames({ t: "ping" }));
      for (let i = 0; i < count; i++) {
        const { header } = await peer.receive();
        demand(header["req"] === first + i, `answer ${i} carries req ${header["req"]}, not ${first + i}`);
      }
    },
  ),
  core(
    "limits.frame",
    "a frame over max_frame_bytes is TOO_LARGE, and the connection lives on",
    "compare the frame's size with your limit before you look into it; let the transport take twice the limit",
    async (peer) => {
      const limit = peer.welcome.limits.max_frame_bytes;
      if (limit > 256 * 1024 * 1024) return `not tried: the limit is ${limit} bytes`;
      await peer.sendRaw(peer.frames({ t: "ping" }, [Buffer.alloc(limit + 1)]));
      const answer = await peer.receive();
      peer.mustBe("TOO_LARGE", answer);
      // A server that refuses it unread can't know its number, and then has not used it up.
      if (answer.header["req"] === 0) peer.req--;
      await alive(peer);
    },
  ),
  core(
    "limits.answer",
    "an answer over the client's max_frame_bytes is TOO_LARGE, before anything is executed",
    "work out the size of what is wanted from the specs, and compare it with hello's limits.max_frame_bytes",
    async (peer) => {
      const limit = 1024;
      const { action, envCount } = peer.welcome;
      const large = peer.observable.find(
        (spec) => bytesOf(createTensor(spec.dtype, elementCount(spec.shape))).byteLength * envCount > limit,
      );
      if (large === undefined) return "not tried: no observation is that large";
      await peer.hello({ limits: { max_frame_bytes: limit } });
      // Even the welcome may be larger than that; the limit is for the frames of batches.
      const ops = Array.from({ length: envCount }, (_, env) => ({ env, op: "reset", seed: 1 }));
      const { fields, payload } = peer.batchFields(ops, [large.uid]);
      peer.mustBe("TOO_LARGE", await peer.ask(fields, payload));
      const { results } = await peer.batch([{ env: 0, op: "step", action: sampleAction(action, 0) }]);
      demand(results[0]?.error?.code === "NOT_RESET", "the reset whose answer was too large has been executed");
      await peer.hello();
    },
  ),
];

export const FAREWELL: readonly Check[] = [
  core(
    "close.closed",
    "close is answered by closed and ends the session",
    "forget the session; its sid is NO_SESSION from then on",
    async (peer) => {
      const { header } = await peer.ask({ t: "close" });
      demand(header["t"] === "closed", `it was answered by "${header["t"]}"`);
    },
  ),
];
