/** @file Whatever bytes come, a server answers each message once and keeps serving. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeHeader, encodeHeader } from "../../protocol/codec.js";
import { EnvironmentHost, ERROR_CODES, ProtocolError, type WireMap } from "../../protocol/index.js";
import { counterDefinition } from "./counter.js";
import { raw, serve } from "./peer.js";

const wireValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(fc.string({ maxLength: 10 }), tie("value"), { maxKeys: 5 }),
  ),
})).value;

const host = (): EnvironmentHost => new EnvironmentHost(counterDefinition(), { envCount: 2 });

function open(server: EnvironmentHost): string {
  const [welcome] = server.answer([encodeHeader({ v: 1, t: "hello", req: 1, client: "fuzz" })]);
  return String(decodeHeader(welcome as Buffer)["sid"]);
}

function wellFormed(reply: readonly Buffer[]): WireMap {
  const header = decodeHeader(reply[0] as Buffer);
  expect(header["v"]).toBe(1);
  expect(["welcome", "batch_result", "pong", "configured", "closed", "error"]).toContain(header["t"]);
  if (header["t"] === "error") expect(ERROR_CODES).toContain(header["code"]);
  return header;
}

/** A right message with some bytes replaced, removed, doubled or inserted. */
const mutation = fc.array(
  fc.record({
    at: fc.nat(),
    byte: fc.integer({ min: 0, max: 255 }),
    kind: fc.constantFrom("set", "cut", "insert", "drop"),
  }),
  {
    minLength: 1,
    maxLength: 4,
  },
);

function mutate(bytes: Buffer, changes: readonly { at: number; byte: number; kind: string }[]): Buffer {
  let out = Buffer.from(bytes);
  for (const { at, byte, kind } of changes) {
    const place = out.length === 0 ? 0 : at % out.length;
    if (kind === "set" && out.length > 0) out[place] = byte;
    else if (kind === "cut") out = out.subarray(0, place);
    else if (kind === "insert") out = Buffer.concat([out.subarray(0, place), Buffer.from([byte]), out.subarray(place)]);
    else out = Buffer.concat([out.subarray(0, place), out.subarray(place + 1)]);
  }
  return out;
}

const message = (sid: string, req: number): Buffer =>
  encodeHeader({
    v: 1,
    t: "batch",
    sid,
    req,
    ops: [
      { env: 0, op: "reset", seed: 5, options: { a: 1 } },
      { env: 1, op: "step" },
    ],
    tensors: [{ uid: "action", dtype: "float32", shape: [1, 2], frame: 0 }],
    want: ["count"],
  });

/** Throws when a message shows it like a text. */
const ODD = { toString: 1, valueOf: 2, toJSON: 3 };

describe("a server", () => {
  it.each([
    ["v", "VERSION"],
    ["req", "BAD_MESSAGE"],
    ["t", "BAD_MESSAGE"],
    ["sid", "NO_SESSION"],
    ["ops", "BAD_MESSAGE"],
    ["tensors", "BAD_MESSAGE"],
    ["want", "BAD_MESSAGE"],
  ])("finds a map in the place of %s, whatever its keys, and says %s", (key, code) => {
    const server = host();
    const sid = open(server);
    for (const value of [ODD, [ODD], {}]) {
      const header = { ...decodeHeader(message(sid, 2)), [key]: value };
      const answer = wellFormed(server.answer([encodeHeader(header), Buffer.alloc(8)]));
      // A bad message takes its number: the next one belongs to another message.
      expect(["OUT_OF_ORDER", code]).toContain(answer["code"]);
      expect(answer["code"]).not.toBe("INTERNAL");
    }
  });

  it("finds a map in place of a tensor's frame or an environment's number", () => {
    for (const change of [
      { tensors: [{ uid: "action", dtype: "float32", shape: [1, 2], frame: ODD }] },
      { ops: [{ env: ODD, op: "noop" }] },
      { ops: [{ env: 0, op: ODD }] },
    ]) {
      const server = host();
      const sid = open(server);
      const header = { ...decodeHeader(message(sid, 2)), ...change };
      expect(wellFormed(server.answer([encodeHeader(header), Buffer.alloc(8)]))["code"]).toBe("BAD_MESSAGE");
    }
  });

  it("gives exactly one well-formed answer to mutated messages, and keeps working", () => {
    fc.assert(
      fc.property(
        fc.array(mutation, { minLength: 1, maxLength: 5 }),
        fc.uint8Array({ maxLength: 16 }),
        (rounds, payload) => {
          const server = host();
          const sid = open(server);
          for (const changes of rounds) wellFormed(server.answer([mutate(message(sid, 2), changes), payload]));
          // Some may have used up a number: the server says which is next, and answers it.
          const ping = (req: number): WireMap =>
            wellFormed(server.answer([encodeHeader({ v: 1, t: "ping", sid, req })]));
          const gap = ping(2 ** 40);
          expect(gap["code"]).toBe("OUT_OF_ORDER");
          expect(ping((gap["detail"] as { expected: number }).expected)["t"]).toBe("pong");
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });

  it("gives exactly one well-formed answer to any map at all", () => {
    const server = host();
    const sid = open(server);
    let req = 1;
    fc.assert(
      fc.property(
        fc.constantFrom("batch", "configure", "ping", "other"),
        fc.dictionary(fc.constantFrom("ops", "want", "tensors", "parameters", "limits", "x"), wireValue),
        (t, fields) => {
          req++;
          const reply = wellFormed(server.answer([encodeHeader({ ...fields, v: 1, t, sid, req })]));
          expect(reply["req"]).toBe(req);
        },
      ),
      { numRuns: 500, seed: 2 },
    );
  });

  it("behind a real socket keeps serving after random frames", async () => {
    const peer = await raw((await serve()).endpoint);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 4 }), async (frames) => {
        await peer.sendRaw(frames);
        wellFormed(await peer.receiveRaw());
      }),
      { numRuns: 100, seed: 3 },
    );
    await peer.one({ env: 0, op: "reset", seed: 1 });
  });
});

describe("a header", () => {
  it("reads back as it was written", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1, maxLength: 10 }), wireValue), (map) => {
        fc.pre(!JSON.stringify(map).includes("__proto__"));
        expect(decodeHeader(encodeHeader(map))).toEqual({ ...map });
      }),
      { numRuns: 300, seed: 4 },
    );
  });

  it("of any bytes is read or refused as BAD_MESSAGE, and never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeHeader(Buffer.concat([Buffer.from([0x8f]), bytes]));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 2000, seed: 5 },
    );
  });
});
