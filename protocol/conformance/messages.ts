/**
 * @file Checks of the conversation: types and values of messages, their order, resends, and the order of validation.
 */
import { encodeHeader } from "../codec.js";
import { bytesOf, createTensor, elementCount } from "../spaces.js";
import { type Check, core, NotTried, sampleAction } from "./check.js";
import { demand, type Peer, within } from "./peer.js";

/** Checks that the connection is still open: a ping gets its pong. */
async function alive(peer: Peer): Promise<void> {
  const { header } = await peer.ask({ t: "ping" });
  demand(header["t"] === "pong", `after it, a ping was answered by "${header["t"]}" ${header["code"] ?? ""}`);
}

async function steps(peer: Peer): Promise<number> {
  return (await peer.one({ env: 0, op: "noop" })).result.step;
}

/** Starts an episode with at least one step left, for checks that count steps. */
async function fresh(peer: Peer): Promise<void> {
  await peer.one({ env: 0, op: "reset", seed: 1 });
}

/** A step of environment 0, as the frames of the next request. */
function stepFrames(peer: Peer): Uint8Array[] {
  const { fields, payload } = peer.batchFields(
    [{ env: 0, op: "step", action: sampleAction(peer.welcome.action, 0) }],
    [],
  );
  return peer.frames(fields, payload);
}

async function sameReply(peer: Peer, frames: readonly Uint8Array[], first: readonly Buffer[]): Promise<void> {
  await peer.sendRaw(frames);
  const second = await peer.receiveRaw();
  demand(Buffer.concat(first).equals(Buffer.concat(second)), "the second reply differs from the first");
}

/** Batches that are wrong as a whole, with the wrong key. */
function wrongBatches(peer: Peer): readonly (readonly [field: string, fields: object])[] {
  const { envCount, action } = peer.welcome;
  const noop = { ops: [{ env: 0, op: "noop" }] };
  const [uid = ""] = peer.observable.map((spec) => spec.uid);
  return [
    ["ops", {}],
    ["ops", { ops: null }],
    ["ops", { ops: "all" }],
    ["ops", { ops: [7] }],
    ["ops", { ops: [{ op: "noop" }] }],
    ["ops", { ops: [{ env: "0", op: "noop" }] }],
    ["ops", { ops: [{ env: envCount, op: "noop" }] }],
    ["ops", { ops: [{ env: -1, op: "noop" }] }],
    ["ops", { ops: [{ env: 0.5, op: "noop" }] }],
    ["ops", { ops: [{ env: 0, op: "jump" }] }],
    ["ops", { ops: [{ env: 0 }] }],
    ["ops", { ops: [{ env: 0, op: "reset", seed: -1 }] }],
    ["ops", { ops: [{ env: 0, op: "reset", seed: "one" }] }],
    ["ops", { ops: [{ env: 0, op: "reset", seed: 1.5 }] }],
    ["ops", { ops: [{ env: 0, op: "reset", seed: 2 ** 53 }] }],
    ["ops", { ops: [{ env: 0, op: "reset", seed: Number.NaN }] }],
    ["ops", { ops: [{ env: 0, op: "reset", options: "none" }] }],
    ["ops", { ops: [...noop.ops, ...noop.ops] }],
    ["want", { ...noop, want: "everything" }],
    ["want", { ...noop, want: 5 }],
    ["want", { ...noop, want: {} }],
    ["want", { ...noop, want: [5] }],
    ["want", { ...noop, want: ["no-such-observation"] }],
    ["want", { ...noop, want: [uid, uid] }],
    ["tensors", { ops: [{ env: 0, op: "step" }] }],
    ["tensors", { ...noop, tensors: "none" }],
    ["tensors", { ...noop, tensors: [5] }],
    ["tensors", { ...noop, tensors: [{ uid: action.uid, dtype: "float32", shape: [1], frame: 3 }] }],
  ];
}

export const CONVERSATION: readonly Check[] = [
  core(
    "ping.pong",
    "ping is answered by pong with tick_age_ms and queue_depth, once",
    "answer it from the same loop as batch",
    async (peer) => {
      const { header } = await peer.ask({ t: "ping" });
      demand(header["t"] === "pong", `it was answered by "${header["t"]}"`);
      demand(header["sid"] === peer.sid, `pong has sid "${header["sid"]}", not the session's`);
      for (const field of ["tick_age_ms", "queue_depth"]) {
        const value = header[field];
        demand(typeof value === "number" && value >= 0, `${field} must be a number from 0`);
      }
      await peer.expectSilence(50);
    },
  ),
  core(
    "message.req",
    "a req that is no integer from 1 to 2^53 − 1 is BAD_MESSAGE, answered with req 0",
    "echo req only where it can be one",
    async (peer) => {
      for (const req of [0, -1, 1.5, 2 ** 53, "1", null]) {
        await peer.sendRaw(peer.framesOf({ t: "ping", sid: peer.sid, req }));
        const answer = await peer.receive();
        demand(answer.header["req"] === 0, `req ${req} is answered with req ${answer.header["req"]}, not 0`);
        peer.mustBe("BAD_MESSAGE", answer, { field: "req" });
      }
      await alive(peer);
    },
  ),
  core(
    "message.type",
    "an unknown type, a missing one, or one that is no string is BAD_MESSAGE; it takes its number, and the connection stays open",
    "answer with an error instead of closing, and keep the answer",
    async (peer) => {
      for (const t of ["teleport", 5, null]) {
        await peer.refused("BAD_MESSAGE", { t }, [], { field: "t" });
        await alive(peer);
      }
    },
  ),
  core(
    "message.wrong_values",
    "a value of the wrong type or range is BAD_MESSAGE that names it, and nothing of the message is executed",
    "check the whole header before the first environment moves",
    async (peer) => {
      await peer.hello();
      await fresh(peer);
      for (const [field, fields] of wrongBatches(peer)) {
        const answer = await peer.ask({ t: "batch", ...fields });
        await within(JSON.stringify(fields), async () => {
          peer.mustBe("BAD_MESSAGE", answer, { field });
        });
      }
      const { result } = await peer.one({ env: 0, op: "noop" });
      demand(result.step === 0 && result.episode === 1, "one of the wrong messages was executed");
    },
  ),
  core(
    "message.whole",
    "mistakes in a message as a whole are found before the first environment moves",
    "read all of the message first, then execute",
    async (peer) => {
      const { action } = peer.welcome;
      await peer.hello();
      await fresh(peer);
      const step = peer.batchFields([{ env: 0, op: "step", action: sampleAction(action, 0) }], []);
      await peer.refused("BAD_MESSAGE", { ...step.fields, want: ["no-such-observation"] }, step.payload);
      demand((await steps(peer)) === 0, "a step whose want was wrong was executed");
      const reset = { env: 0, op: "reset", seed: 2 };
      await peer.refused("BAD_MESSAGE", { t: "batch", ops: [reset, { env: -1, op: "noop" }] });
      const size = elementCount(action.shape) + 1;
      const tensors = [{ uid: action.uid, dtype: action.dtype, shape: [1, size], frame: 0 }];
      const ops = peer.welcome.envCount > 1 ? [reset, { env: 1, op: "step" }] : [{ env: 0, op: "step" }];
      await peer.refused("BAD_ACTION", { t: "batch", ops, tensors }, [bytesOf(createTensor(action.dtype, size))]);
      const { result } = await peer.one({ env: 0, op: "noop" });
      demand(result.episode === 1 && result.step === 0, "an operation of a message that was refused has been executed");
    },
  ),
  core(
    "resend.executed_once",
    "the same req again gets the same reply, and is not executed a second time",
    "keep the last max_in_flight replies of the session",
    async (peer) => {
      await fresh(peer);
      const frames = stepFrames(peer);
      await peer.sendRaw(frames);
      const first = await peer.receiveRaw();
      await sameReply(peer, frames, first);
      const count = await steps(peer);
      demand(count === 1, `after one step, sent twice, the environment has made ${count}`);
    },
  ),
  core(
    "resend.kept",
    "the replies to the last max_in_flight requests are stored",
    "store as many as welcome promises",
    async (peer) => {
      const { max_in_flight: count } = peer.welcome.limits;
      if (count < 2) throw new NotTried("max_in_flight is 1");
      const frames = peer.frames({ t: "ping" });
      await peer.sendRaw(frames);
      const first = await peer.receiveRaw();
      for (let i = 1; i < count; i++) await alive(peer);
      await sameReply(peer, frames, first);
    },
  ),
  core(
    "resend.error",
    "an error takes its number, and is stored like any other reply",
    "store every reply, errors too",
    async (peer) => {
      const tooMany = Array.from({ length: 64 }, () => Buffer.alloc(0));
      for (const [fields, payload] of [
        [{ t: "batch", ops: "all" }, []],
        [{ t: "teleport" }, []],
        [{ t: null }, []],
        [{ t: "ping" }, tooMany],
      ] as const) {
        const frames = peer.frames(fields, payload);
        await peer.sendRaw(frames);
        const first = await peer.receiveRaw();
        await sameReply(peer, frames, first);
        await alive(peer);
      }
    },
  ),
  core(
    "resend.too_old",
    "a req older than the stored replies is OUT_OF_ORDER, not retryable, and not executed",
    "compare req with the last one executed",
    async (peer) => {
      await fresh(peer);
      const frames = stepFrames(peer);
      const old = peer.req;
      await peer.exchange(frames, old);
      for (let i = 0; i < peer.welcome.limits.max_in_flight; i++) await alive(peer);
      const answer = await peer.exchange(frames, old);
      const { expected } = peer.mustBe("OUT_OF_ORDER", answer);
      demand(answer.header["retryable"] === false, "it must not be retryable: the reply is gone");
      demand(expected === peer.req + 1, `detail.expected is ${expected}, not ${peer.req + 1}`);
      demand((await steps(peer)) === 1, "it was executed again");
    },
  ),
  core(
    "resend.gap",
    "a req beyond the next is OUT_OF_ORDER, retryable, with detail.expected: what came before it was lost",
    "execute requests only in sequence; the client sends again from detail.expected",
    async (peer) => {
      await fresh(peer);
      const expected = peer.req + 1;
      peer.req++;
      const frames = stepFrames(peer);
      const answer = await peer.exchange(frames, expected + 1);
      const detail = peer.mustBe("OUT_OF_ORDER", answer);
      demand(answer.header["retryable"] === true, "a gap must be retryable");
      demand(detail["expected"] === expected, `detail.expected must be ${expected}`);
      peer.req = expected - 1;
      demand((await steps(peer)) === 0, "it was executed");
    },
  ),
  core(
    "order.exempt",
    "VERSION, NO_SESSION, OUT_OF_ORDER and what is answered with req 0 take no number",
    "count a request only once it is the session's next",
    async (peer) => {
      const exempt: readonly (readonly [string, (next: number) => object])[] = [
        ["VERSION", (req) => ({ v: 99, req })],
        ["NO_SESSION", (req) => ({ sid: "0000000000000000", req })],
        ["OUT_OF_ORDER", (req) => ({ req: req + 1 })],
        ["BAD_MESSAGE", () => ({ req: 0 })],
      ];
      await fresh(peer);
      for (const [code, fields] of exempt) {
        await peer.sendRaw(peer.framesOf({ t: "ping", sid: peer.sid, ...fields(peer.req + 1) }));
        peer.mustBe(code, await peer.receive());
        const { header } = await peer.exchange(stepFrames(peer), peer.req);
        demand(
          header["t"] === "batch_result",
          `after ${code}, the next number got "${header["t"]}" ${header["code"] ?? ""}`,
        );
        await fresh(peer);
      }
    },
  ),
  core(
    "order.looks",
    "of several mistakes the first is answered: v, req, sid, the order of req, then the request itself",
    "check in the order of protocol/README.md",
    async (peer) => {
      const next = peer.req + 1;
      const wrong: [string, object][] = [
        ["VERSION", { v: 99, t: "ping", sid: "0000000000000000", req: next }],
        ["VERSION", { v: 99, t: 5, sid: peer.sid, req: next + 5 }],
        ["VERSION", { v: 99, t: "ping", sid: peer.sid, req: -1 }],
        ["BAD_MESSAGE", { t: "ping", sid: "0000000000000000", req: -1 }],
        ["NO_SESSION", { t: "teleport", sid: "0000000000000000", req: next }],
        ["NO_SESSION", { t: null, sid: "0000000000000000", req: next + 5 }],
        ["OUT_OF_ORDER", { t: "teleport", sid: peer.sid, req: next + 5 }],
        ["OUT_OF_ORDER", { t: null, sid: peer.sid, req: next + 5 }],
      ];
      for (const [code, fields] of wrong) {
        await peer.sendRaw(peer.framesOf(fields));
        await within(JSON.stringify(fields), async () => {
          peer.mustBe(code, await peer.receive());
        });
      }
      await alive(peer);
    },
  ),
  core(
    "pipeline.order",
    "requests sent at once are answered one by one, in order, more than max_in_flight too",
    "work through them in the order of arrival",
    async (peer) => {
      const first = peer.req + 1;
      // One more than it must accept. With many more, all unread, a server may drop answers.
      const count = peer.welcome.limits.max_in_flight + 1;
      for (let i = 0; i < count; i++) await peer.sendRaw(peer.frames({ t: "ping" }));
      for (let i = 0; i < count; i++) {
        const { header } = await peer.receive();
        demand(header["req"] === first + i, `answer ${i} carries req ${header["req"]}, not ${first + i}`);
        demand(header["t"] === "pong", `answer ${i} is "${header["t"]}"`);
      }
    },
  ),
  core(
    "limits.answer",
    "an answer over the client's max_frame_bytes is TOO_LARGE, before anything is executed",
    "compute the size of the wanted observations from the specs, and compare it with hello's limits.max_frame_bytes",
    async (peer) => {
      const limit = 1024;
      const { action, envCount } = peer.welcome;
      const bytes = (spec: (typeof peer.observable)[number]): number =>
        bytesOf(createTensor(spec.dtype, elementCount(spec.shape))).byteLength * envCount;
      const large = peer.observable.find((spec) => bytes(spec) > limit);
      if (large === undefined) throw new NotTried("no observation is that large");
      await peer.hello({ limits: { max_frame_bytes: limit } });
      // Even the welcome may exceed that; the limit applies to the frames of batches.
      const ops = Array.from({ length: envCount }, (_, env) => ({ env, op: "reset", seed: 1 }));
      const { fields, payload } = peer.batchFields(ops, [large.uid]);
      const detail = await peer.refused("TOO_LARGE", fields, payload);
      demand(detail["bytes"] === bytes(large), `detail.bytes is ${detail["bytes"]}, not ${bytes(large)}`);
      demand(detail["limit"] === limit, `detail.limit is ${detail["limit"]}, not ${limit}`);
      const { results } = await peer.batch([{ env: 0, op: "step", action: sampleAction(action, 0) }]);
      demand(results[0]?.error?.code === "NOT_RESET", "the reset whose answer was too large has been executed");
      await peer.hello();
      const headerBytes = encodeHeader((await peer.ask(fields, payload)).header).byteLength;
      // The header's size is known only to within a quarter: servers may encode numbers differently.
      if (headerBytes * 1.25 < bytes(large)) {
        await peer.hello({ limits: { max_frame_bytes: bytes(large) } });
        await peer.batch(ops, [large.uid]);
      }
      if (headerBytes > 1.25 * limit) {
        // Want nothing, so that the header is the only frame.
        await peer.hello({ limits: { max_frame_bytes: limit } });
        const alone = peer.batchFields(ops, []);
        await peer.refused("TOO_LARGE", alone.fields, alone.payload);
      }
      await peer.hello();
    },
  ),
];
