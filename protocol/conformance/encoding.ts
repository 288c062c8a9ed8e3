/** @file Checks of the encoding: which headers and tensors must be accepted or refused, and their limits. */

import { PROTOCOL_VERSION } from "../messages.js";
import { bytesOf, createTensor, elementCount } from "../spaces.js";
import { FORMATS, float32, float64, int64, nested, pack, rawMap, text, uint64 } from "./bytes.js";
import { type Check, core, NotTried, sampleAction } from "./check.js";
import { demand, type Peer, within } from "./peer.js";

/** Limits of every decoder, from the specification. */
const BOUNDS = { header: 4 * 1024 * 1024, nesting: 16, values: 200_000, string: 65_536, frames: 64 };

type Entry = readonly [key: string | Uint8Array, value: unknown];

/** A ping of the session, with further entries after its own. */
function ping(peer: Peer, req: number, more: readonly Entry[] = []): Buffer {
  return rawMap([["v", PROTOCOL_VERSION], ["t", "ping"], ["sid", peer.sid], ["req", req], ...more]);
}

/** Checks that a header is accepted: `more` in a ping. */
async function taken(peer: Peer, what: string, more: readonly Entry[], frames = 0): Promise<void> {
  const req = ++peer.req;
  const payload = Array.from({ length: frames }, () => Buffer.alloc(0));
  await within(what, async () => {
    const { header } = await peer.exchange([ping(peer, req, more), ...payload], req);
    demand(header["t"] === "pong", `a ping was answered by "${header["t"]}" ${header["message"] ?? ""}`);
  });
}

/** Checks that a header cannot be read: an error with req 0, and its number is still free. */
async function unreadable(peer: Peer, what: string, bytes: Uint8Array): Promise<void> {
  await peer.sendRaw([bytes]);
  const answer = await peer.receive();
  await within(what, async () => {
    demand(answer.header["req"] === 0, `it was answered with req ${answer.header["req"]}, not 0`);
    peer.mustBe("BAD_MESSAGE", answer);
  });
}

async function alive(peer: Peer): Promise<void> {
  await taken(peer, "after it", []);
}

export const ENCODING: readonly Check[] = [
  core(
    "header.unreadable",
    "anything but a map of the allowed types is BAD_MESSAGE with req 0, and the connection stays open",
    "scan the header before you build anything of it: types, keys, counts against the bytes left, and where it ends",
    async (peer) => {
      const next = peer.req + 1;
      const garbage: [string, Uint8Array][] = [
        ["an empty frame", Buffer.alloc(0)],
        ["random bytes", Buffer.from("c1c1c1c1deadbeef", "hex")],
        ["a string", pack("hello")],
        ["an array", pack([1, 2, 3])],
        ["nil", pack(null)],
        ["a map that promises 2^32 − 1 entries", Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff])],
        ["a map that ends inside a value", ping(peer, next).subarray(0, -1)],
        ["bytes after the map", Buffer.concat([ping(peer, next), pack(1)])],
        ["binary", ping(peer, next, [["x", Buffer.from([0xc4, 1, 7])]])],
        ["an extension", ping(peer, next, [["x", Buffer.from([0xd4, 5, 7])]])],
        ["a timestamp", ping(peer, next, [["x", Buffer.from([0xd6, 0xff, 0, 0, 0, 0])]])],
        ["an integer as key", ping(peer, next, [[pack(7), 1]])],
        ["nil as key", ping(peer, next, [[pack(null), 1]])],
        ["a float as key", ping(peer, next, [[float64(1.5), 1]])],
        ["an integer as a key further in", ping(peer, next, [["x", rawMap([[pack(7), 1]])]])],
      ];
      for (const [what, bytes] of garbage) await unreadable(peer, what, bytes);
      await alive(peer);
    },
  ),
  core(
    "header.cut",
    "a header that is cut off, anywhere, is BAD_MESSAGE with req 0",
    "compare each length and each count with the bytes that are left",
    async (peer) => {
      for (const [format, bytes] of Object.entries(FORMATS)) {
        // Nothing follows the value, so each byte cut off is one that is missing.
        const whole = ping(peer, peer.req + 1, [["x", bytes]]);
        for (let missing = 1; missing <= Math.min(bytes.length, 9); missing++)
          await unreadable(peer, `${format}, cut by ${missing} bytes`, whole.subarray(0, -missing));
      }
      await alive(peer);
    },
  ),
  core(
    "header.formats",
    "nil, booleans, numbers, strings, arrays, maps and keys may come in each of msgpack's formats for them",
    "read the formats that your own writer does not use, too",
    async (peer) => {
      for (const [format, bytes] of Object.entries(FORMATS)) await taken(peer, format, [["x", bytes]]);
      for (const [format, size] of [
        [0xd9, 1],
        [0xda, 2],
        [0xdb, 4],
      ] as const)
        await taken(peer, `a key as a string with ${size} bytes of length`, [[text(format, size, "x"), 1]]);
      await taken(peer, "an empty key", [["", 1]]);
      const eleven = Array.from({ length: 11 }, (_, i): Entry => [`x${i}`, i]);
      await taken(peer, "a fixmap of 15 entries", eleven);
      const { req } = peer;
      const entries = [text(0xd9, 1, "v"), pack(PROTOCOL_VERSION), text(0xda, 2, "t"), text(0xdb, 4, "ping")];
      const rest = [pack("sid"), text(0xd9, 1, peer.sid), text(0xdb, 4, "req"), pack(req + 1)];
      const wide = Buffer.concat([Uint8Array.of(0xdf, 0, 0, 0, 4), ...entries, ...rest]);
      const { header } = await peer.exchange([wide], ++peer.req);
      demand(header["t"] === "pong", `a map 32 with strings of all lengths was answered by "${header["t"]}"`);
    },
  ),
  core(
    "header.numbers",
    "a number may come in any format: integer, float 32 or float 64",
    "compare values, not formats",
    async (peer) => {
      const numbers: [string, (value: number) => Buffer][] = [
        ["float 32", float32],
        ["float 64", float64],
        ["unsigned, 64 bits", (value) => uint64(BigInt(value))],
        ["signed, 64 bits", (value) => int64(BigInt(value))],
      ];
      for (const [what, as] of numbers) {
        const req = ++peer.req;
        const op = rawMap([
          ["env", as(0)],
          ["op", "reset"],
          ["seed", as(3)],
        ]);
        const bytes = rawMap([
          ["v", as(PROTOCOL_VERSION)],
          ["t", "batch"],
          ["sid", peer.sid],
          ["req", as(req)],
          ["ops", Buffer.concat([Uint8Array.of(0x91), op])],
        ]);
        await within(what, async () => {
          const { header } = await peer.exchange([bytes], req);
          demand(header["t"] === "batch_result", `answered by "${header["t"]}" ${header["message"] ?? ""}`);
        });
      }
    },
  ),
  core(
    "header.integers",
    "integers within ±(2^53 − 1) are read; a larger one, even under an unknown key, makes the header unreadable",
    "refuse what a double can't hold exactly while you scan",
    async (peer) => {
      await taken(peer, "2^53 − 1", [["x", uint64(2n ** 53n - 1n)]]);
      await taken(peer, "−(2^53 − 1)", [["x", int64(-(2n ** 53n) + 1n)]]);
      const next = peer.req + 1;
      await unreadable(peer, "2^53", ping(peer, next, [["x", uint64(2n ** 53n)]]));
      await unreadable(peer, "−2^53", ping(peer, next, [["x", int64(-(2n ** 53n))]]));
      await alive(peer);
    },
  ),
  core(
    "header.not_finite",
    "NaN and the infinities can be read",
    "refuse them only where a key takes a finite number or an integer",
    async (peer) => {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
        await taken(peer, `${value} under an unknown key`, [["x", float64(value)]]);
    },
  ),
  core(
    "header.nil",
    "nil means the same as absence, wherever a key is optional",
    "look for a value, not for a key",
    async (peer) => {
      await peer.hello({ image_size: null, seed: null, package: null, capabilities: null, protocols: null });
      await peer.hello({ limits: null });
      await peer.hello({ limits: { max_frame_bytes: null } });
      const { header } = await peer.ask({
        t: "batch",
        ops: [{ env: 0, op: "reset", seed: null, options: null }],
        want: null,
        tensors: null,
      });
      const said = JSON.stringify(header["results"] ?? header["message"]).slice(0, 200);
      demand(header["t"] === "batch_result", `a batch with nil for what is optional was answered by ${said}`);
      const [result] = header["results"] as { error?: unknown }[];
      demand(result?.error == null, `a reset with nil for what is optional was answered by ${said}`);
      await peer.hello();
    },
  ),
  core(
    "header.unknown_keys",
    "unknown keys are ignored, at every level",
    "read only the keys you know",
    async (peer) => {
      const more = { x_future: { nested: [1, 2, 3] }, priority: "high" };
      await peer.hello({ ...more, limits: { max_frame_bytes: 2 ** 30, ...more } });
      await peer.batch([{ env: 0, op: "reset", seed: 1, ...more }], [], more);
      const { fields, payload } = peer.batchFields(
        [{ env: 0, op: "step", action: sampleAction(peer.welcome.action, 0) }],
        [],
      );
      const { tensors = [] } = fields as { tensors?: object[] };
      const { header } = await peer.ask({ ...fields, tensors: tensors.map((one) => ({ ...one, ...more })) }, payload);
      demand(
        header["t"] === "batch_result",
        `an unknown key in an entry of tensors: answered by "${header["t"]}" ${header["message"] ?? ""}`,
      );
      await peer.hello();
    },
  ),
  core(
    "header.repeated_key",
    "if a key comes twice in a map, the last one counts",
    "let a later entry replace an earlier one",
    async (peer) => {
      const req = ++peer.req;
      const bytes = rawMap([
        ["t", "teleport"],
        ["v", PROTOCOL_VERSION],
        ["sid", peer.sid],
        ["req", req],
        ["t", "ping"],
      ]);
      const { header } = await peer.exchange([bytes], req);
      demand(header["t"] === "pong", `t "teleport", then t "ping", was answered by "${header["t"]}"`);
    },
  ),
  core("header.utf8", "invalid UTF-8 in a string is no error", "read each as U+FFFD", async (peer) => {
    await taken(peer, "a string that is no UTF-8", [["x", Buffer.from([0xa3, 0x61, 0xff, 0x62])]]);
    await taken(peer, "a key that is no UTF-8", [[Buffer.from([0xa3, 0x78, 0xc3, 0x28]), 1]]);
  }),
  core(
    "header.bounds",
    "nesting beyond 16, strings over 65 536 bytes, more than 200 000 values and headers over 4 MiB are unreadable; more than 64 frames are BAD_MESSAGE",
    "count while you scan",
    async (peer) => {
      const next = peer.req + 1;
      await unreadable(peer, "17 levels", ping(peer, next, [["x", nested(BOUNDS.nesting)]]));
      await unreadable(peer, "2 000 levels", ping(peer, next, [["x", nested(2000)]]));
      const limit = peer.welcome.limits.max_frame_bytes;
      if (limit > 2 * BOUNDS.string) {
        const text = pack("x".repeat(BOUNDS.string + 1));
        await unreadable(peer, "a string of 65 537 bytes", ping(peer, next, [["x", text]]));
      }
      if (limit > 2 * BOUNDS.values) {
        const many = pack(new Array(BOUNDS.values).fill(0));
        await unreadable(peer, "200 010 values", ping(peer, next, [["x", many]]));
      }
      if (limit > BOUNDS.header) {
        const text = pack("x".repeat(50_000));
        const long = Buffer.concat([Uint8Array.of(0xdc, 0, 100), ...new Array(100).fill(text)]);
        await unreadable(peer, "a header of 5 MB", ping(peer, next, [["x", long]]));
      }
      await peer.refused(
        "BAD_MESSAGE",
        { t: "ping" },
        Array.from({ length: BOUNDS.frames }, () => Buffer.alloc(0)),
      );
      await alive(peer);
    },
  ),
  core(
    "header.as_much",
    "what is just within the limits is read: 16 levels, a string of 65 536 bytes, 200 000 values, 64 frames",
    "compare with >, and count the header's map as the first level",
    async (peer) => {
      await taken(peer, "16 levels", [["x", nested(BOUNDS.nesting - 1)]]);
      await taken(peer, "64 frames", [], BOUNDS.frames - 1);
      const limit = peer.welcome.limits.max_frame_bytes;
      if (limit > 2 * BOUNDS.string)
        await taken(peer, "a string of 65 536 bytes", [["x", pack("x".repeat(BOUNDS.string))]]);
      if (limit >= BOUNDS.header) {
        const filled = pack("x".repeat(50_000));
        const fixed = ping(peer, peer.req + 1, [["x", Buffer.alloc(3 + 84 * 5)]]).length - 84 * 5 - 3;
        const left = BOUNDS.header - fixed - 3 - 83 * filled.length - 3;
        const values = [...new Array(83).fill(filled), text(0xda, 2, "x".repeat(left))];
        await taken(peer, "a header of 4 MiB", [["x", Buffer.concat([Uint8Array.of(0xdc, 0, 84), ...values])]]);
      }
      // The map, five keys, four values and the array count, too.
      if (limit > 2 * BOUNDS.values)
        await taken(peer, "200 000 values", [["x", pack(new Array(BOUNDS.values - 11).fill(0))]]);
    },
  ),
  core(
    "tensor.frame",
    "a tensor whose frame is not exactly dtype × shape, or is not there, is BAD_MESSAGE",
    "compare each entry of tensors with its frame before you use it",
    async (peer) => {
      const { action } = peer.welcome;
      const bytes = bytesOf(sampleAction(action, 0));
      const { dtype, uid } = action;
      const entry = { uid, dtype, shape: [1, ...action.shape], frame: 0 };
      const other = { uid: "another tensor", dtype: "uint8", shape: [3], frame: 1 };
      const wrong: [string, object[], Buffer[]][] = [
        ["a frame that is longer", [entry], [Buffer.concat([bytes, Buffer.alloc(8)])]],
        ["a frame that is shorter", [entry], [bytes.subarray(0, -1)]],
        ["no frame", [entry], []],
        ["a frame that is not there", [{ ...entry, frame: 7 }], [bytes]],
        ["a negative frame", [{ ...entry, frame: -1 }], [bytes]],
        ["an unknown dtype", [{ ...entry, dtype: "float16" }], [bytes]],
        ["a frame that is no number", [{ ...entry, frame: "0" }], [bytes]],
        ["a frame that is no integer", [{ ...entry, frame: 0.5 }], [bytes]],
        ["a uid that is no string", [entry, { ...entry, uid: 5 }], [bytes]],
        ["a shape that is no array", [{ ...entry, shape: 1 }], [bytes]],
        ["a shape of no numbers", [{ ...entry, shape: ["1"] }], [bytes]],
        ["a shape of fractions", [{ ...entry, uid: "another", shape: [0.5, 2 * elementCount(action.shape)] }], [bytes]],
        ["a shape of negative numbers", [entry, { ...other, shape: [-1, -3], frame: 1 }], [bytes, Buffer.alloc(3)]],
        ["the action twice", [entry, { ...entry, frame: 1 }], [bytes, bytes]],
        ["a tensor of another uid that does not fit its frame", [entry, other], [bytes, Buffer.alloc(4)]],
      ];
      await peer.one({ env: 0, op: "reset", seed: 1 });
      for (const [what, tensors, payload] of wrong) {
        const answer = await peer.ask({ t: "batch", ops: [{ env: 0, op: "step" }], tensors }, payload);
        await within(what, async () => {
          peer.mustBe("BAD_MESSAGE", answer, { field: "tensors" });
        });
      }
      demand((await peer.one({ env: 0, op: "noop" })).result.step === 0, "one of the wrong messages was executed");
    },
  ),
  core(
    "tensor.others",
    "tensors of other uids, and frames that nothing refers to, are ignored",
    "look for the action's uid among the entries",
    async (peer) => {
      const { action } = peer.welcome;
      await peer.one({ env: 0, op: "reset", seed: 1 });
      const { fields, payload } = peer.batchFields([{ env: 0, op: "step", action: sampleAction(action, 0) }], []);
      const { tensors = [] } = fields as { tensors?: object[] };
      const other = { uid: "another tensor", dtype: "uint8", shape: [3], frame: 1 };
      const { header } = await peer.ask({ ...fields, tensors: [other, ...tensors] }, [
        ...payload,
        Buffer.alloc(3),
        Buffer.alloc(5),
      ]);
      demand(header["t"] === "batch_result", `answered by "${header["t"]}" ${header["message"] ?? ""}`);
    },
  ),
  core(
    "tensor.without_steps",
    "without a step, an action of no rows is fine, and one with rows is BAD_ACTION",
    "want as many rows as there are steps",
    async (peer) => {
      const { action } = peer.welcome;
      const size = elementCount(action.shape);
      const reset = { t: "batch", ops: [{ env: 0, op: "reset", seed: 1 }] };
      const rows = (count: number): object => ({
        tensors: [{ uid: action.uid, dtype: action.dtype, shape: [count, ...action.shape], frame: 0 }],
      });
      const { header } = await peer.ask({ ...reset, ...rows(0) }, [Buffer.alloc(0)]);
      demand(header["t"] === "batch_result", `no rows: answered by "${header["t"]}" ${header["message"] ?? ""}`);
      await peer.refused("BAD_ACTION", { ...reset, ...rows(1) }, [bytesOf(createTensor(action.dtype, size))]);
    },
  ),
  core(
    "limits.frame",
    "a frame over max_frame_bytes, up to twice as large, is TOO_LARGE, and takes its number; a header that large is answered with req 0",
    "compare the frame's size with your limit before you look into it; let the transport take twice the limit",
    async (peer) => {
      const limit = peer.welcome.limits.max_frame_bytes;
      if (limit > 256 * 1024 * 1024) throw new NotTried(`the limit is ${limit} bytes`);
      const { header } = await peer.ask({ t: "ping" }, [Buffer.alloc(limit)]);
      demand(header["t"] === "pong", `a frame of just max_frame_bytes was answered by "${header["t"]}"`);
      for (const size of [limit + 1, Math.floor(1.9 * limit)]) {
        const detail = await peer.refused("TOO_LARGE", { t: "ping" }, [Buffer.alloc(size)]);
        demand(detail["bytes"] === size, `detail.bytes is ${detail["bytes"]}, not ${size}`);
        demand(detail["limit"] === limit, `detail.limit is ${detail["limit"]}, not ${limit}`);
      }
      await peer.sendRaw([Buffer.alloc(limit + 1)]);
      const answer = await peer.receive();
      demand(answer.header["req"] === 0, `a header that large is answered with req ${answer.header["req"]}, not 0`);
      peer.mustBe("TOO_LARGE", answer);
      await alive(peer);
    },
  ),
];
