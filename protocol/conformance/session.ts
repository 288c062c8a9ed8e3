/** @file Checks of hello, of sessions, and of who may have one. */
import { setTimeout as wait } from "node:timers/promises";
import type { WireMap, WireValue } from "../environment.js";
import { PROTOCOL_VERSION } from "../messages.js";
import { type Check, checkOf, core, NotTried } from "./check.js";
import { demand, type Peer, within } from "./peer.js";

/** At least this many characters differ among a few session ids with 64 random bits, in any notation. */
const DIFFERENT_PLACES = 9;

const ANOTHER = "another client of this check";

/** A hello of another client over the same connection: `client` identifies the sender, not the connection. */
async function anotherHello(peer: Peer, req: number, extra: object = {}): ReturnType<Peer["exchange"]> {
  return peer.exchange(peer.framesOf({ ...peer.helloFields({ client: ANOTHER, ...extra }), req }), req);
}

/** Checks that the session is unchanged: `peer` is still answered under its sid. */
async function alive(peer: Peer, when: string): Promise<void> {
  const { header } = await peer.ask({ t: "ping" });
  demand(
    header["t"] === "pong",
    `${when}, a ping of the session was answered by "${header["t"]}" ${header["code"] ?? ""}`,
  );
}

/** Ends another client's session. */
async function closeAnother(peer: Peer, sid: unknown, req: number): Promise<void> {
  await peer.exchange(peer.framesOf({ t: "close", sid, req }), req);
}

/** For servers with a token: the answers to a hello without it, or with a wrong one. */
export const TOKEN: readonly Check[] = [
  core(
    "hello.token",
    "a hello with a wrong token, or without one, is AUTH, whoever has the session",
    "compare the token before you look at the session, in constant time",
    async (peer) => {
      const { token = "" } = peer.helloFields() as { token?: string };
      for (const wrong of ["not-the-token-of-this-server", "", token.slice(0, -1), `${token}x`, null])
        await peer.refusedHello("AUTH", { token: wrong });
      await peer.hello();
      await peer.refusedHello("AUTH", { token: null });
      await peer.refusedHello("AUTH", { token: "wrong", client: ANOTHER });
      await alive(peer, "after a hello with a wrong token");
    },
  ),
];

/** Wrong values in a hello: the field, and the value. */
const WRONG_HELLOS: readonly (readonly [field: string, value: WireValue])[] = [
  ["client", null],
  ["client", 5],
  ["protocols", "1"],
  ["protocols", [PROTOCOL_VERSION, "2"]],
  ["package", 5],
  ["capabilities", "images"],
  ["capabilities", ["images", 5]],
  ["token", 5],
  ["limits", 5],
  ["limits.max_frame_bytes", "large"],
  ["limits.max_frame_bytes", 1023],
  ["limits.max_frame_bytes", 1024.5],
  ["limits.max_frame_bytes", 2 ** 40 + 1],
  ["image_size", "large"],
  ["image_size", 0],
  ["image_size", -4],
  ["image_size", 64.5],
  ["image_size", 65_536],
  ["seed", "one"],
  ["seed", -1],
  ["seed", 1.5],
  ["seed", 2 ** 53],
];

async function wrongHellos(peer: Peer): Promise<void> {
  for (const [field, value] of WRONG_HELLOS) {
    const [key = "", inner] = field.split(".");
    const extra = { [key]: inner === undefined ? value : { [inner]: value } };
    await within(`${field} = ${JSON.stringify(value)}`, async () => {
      await peer.refusedHello("BAD_MESSAGE", extra, key);
    });
  }
}

export const BEFORE_HELLO: readonly Check[] = [
  core(
    "hello.version",
    "a major version that the server does not speak is VERSION, in v and in protocols, and so is none",
    "compare the header's v with the versions you speak before anything else, then hello's protocols; put them in detail.protocols",
    async (peer) => {
      for (const v of [99, null, "1"]) await peer.refusedHello("VERSION", { v });
      for (const protocols of [[99], []]) await peer.refusedHello("VERSION", { protocols });
    },
  ),
  core(
    "session.required",
    "a request with an unknown sid, without one, or with one that is no string is NO_SESSION",
    'compare sid with the session\'s own for every type but hello, and answer with sid ""',
    async (peer) => {
      for (const sid of ["0000000000000000", "", 5, null]) {
        await peer.refused("NO_SESSION", { t: "ping", sid });
        peer.req--;
      }
    },
  ),
  core(
    "hello.values",
    "a value of hello that has a wrong type or range is BAD_MESSAGE that names it",
    "check every key in the table of hello, also those that you do not use",
    wrongHellos,
  ),
];

/** Welcome's keys, each with its check. */
const WELCOME: Readonly<Record<string, (value: WireValue | undefined, welcome: WireMap) => boolean>> = {
  protocols: (value) => Array.isArray(value) && value.includes(PROTOCOL_VERSION),
  name: (value) => typeof value === "string" && value !== "",
  package: (value) => typeof value === "string" && /^[^/\s]+\/\S+$/.test(value),
  autoreset: (value) => value === "disabled",
  graphics: (value) => value === null || typeof value === "string",
  time_step: (value) => value === null || (typeof value === "number" && value > 0),
  capabilities: (value) => Array.isArray(value) && value.every((one) => typeof one === "string"),
  state_hash: (value, { capabilities }) =>
    (capabilities as readonly WireValue[]).includes("state_hash") ? Number.isInteger(value) : value === null,
  parameters: (value) =>
    Array.isArray(value) && value.every((one) => typeof one === "object" && typeof one?.description === "string"),
  catalog: (value) => value === null || (typeof value === "object" && !Array.isArray(value)),
};

export const HELLO: readonly Check[] = [
  core(
    "hello.welcome",
    "hello, under any number, is answered by a welcome with all keys, valid specs and limits",
    "see the table of welcome in protocol/README.md",
    async (peer) => {
      peer.req += 1000;
      const { header } = await peer.hello();
      demand(peer.sid !== "", "sid is empty");
      for (const [key, holds] of Object.entries(WELCOME)) {
        const value = header[key];
        demand(holds(value, header), `welcome's ${key} is ${JSON.stringify(value)?.slice(0, 100) ?? "missing"}`);
      }
      await alive(peer, "after welcome, under the next number");
    },
  ),
  core(
    "hello.sid",
    "each session has a random name of 64 bits or more",
    "draw eight bytes or more for each session from a cryptographic generator",
    async (peer) => {
      const sids: string[] = [];
      for (let i = 0; i < 8; i++) {
        await peer.hello();
        sids.push(peer.sid);
      }
      demand(new Set(sids).size === sids.length, `two of eight sessions are both called "${sids[0]}"`);
      const [first = ""] = sids;
      const places = [...first].filter((letter, i) => sids.some((sid) => sid[i] !== letter)).length;
      demand(places >= DIFFERENT_PLACES, `eight sessions have names that differ in ${places} letters, as "${first}"`);
    },
  ),
  core(
    "hello.repeated",
    "the same hello again (client and req) gets the same welcome: its first answer may have been lost",
    "keep the welcome like every reply; open no second session",
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
    "hello.late",
    "the same hello again after other messages is OUT_OF_ORDER, not retryable, and the session goes on",
    "tell a resent hello by client and req, and look at what came after it",
    async (peer) => {
      const frames = peer.frames(peer.helloFields());
      const { req } = peer;
      peer.adopt(await peer.exchange(frames, req));
      await alive(peer, "after welcome");
      const answer = await peer.exchange(frames, req);
      demand(answer.header["retryable"] === false, "it must not be retryable");
      const { expected } = peer.mustBe("OUT_OF_ORDER", answer, { sid: "" });
      demand(expected === peer.req + 1, `detail.expected is ${expected}, not ${peer.req + 1}`);
      await alive(peer, "after it");
    },
  ),
  core(
    "hello.again",
    "a hello of the same client with another req begins a new session in place of the old one",
    "a client that says hello again has restarted: forget its old session",
    async (peer) => {
      await peer.hello();
      const old = peer.sid;
      await peer.hello();
      demand(peer.sid !== old, "it got the old session's sid");
      const req = peer.req + 1;
      peer.mustBe("NO_SESSION", await peer.exchange(peer.framesOf({ t: "ping", sid: old, req }), req));
      await alive(peer, "after a message to the old one");
    },
  ),
  core(
    "hello.refused",
    "a hello that is answered by an error neither begins nor ends a session",
    "check all of a hello before you touch the session",
    async (peer) => {
      await peer.hello();
      await peer.one({ env: 0, op: "reset", seed: 1 });
      await peer.refusedHello("BAD_MESSAGE", { image_size: -1 });
      await peer.refusedHello("VERSION", { protocols: [99] });
      await peer.refusedHello("BAD_MESSAGE", { seed: -1, client: ANOTHER });
      const { result } = await peer.one({ env: 0, op: "noop" });
      demand(result.episode === 1, `after them, environment 0 is in episode ${result.episode}, not 1`);
    },
  ),
  core(
    "hello.busy",
    "a hello of another client during a session is answered by BUSY, and the session goes on",
    "one session at a time; compare hello's client with the session's",
    async (peer) => {
      const { ping_period_ms: period } = peer.mustBe("BUSY", await anotherHello(peer, 1));
      const own = peer.welcome.limits.ping_period_ms;
      demand(period === own, `detail.ping_period_ms is ${period}; welcome said ${own}`);
      await alive(peer, "after another client's hello");
    },
  ),
  core(
    "hello.busy_again",
    "a hello that was BUSY may be sent again, under the same number, until it is welcome",
    "keep no reply of a hello that you refuse",
    async (peer) => {
      if (peer.endsWithSession) throw new NotTried("the server connected: it ends with its session");
      peer.mustBe("BUSY", await anotherHello(peer, 7));
      await peer.ask({ t: "close" });
      const { header } = await anotherHello(peer, 7);
      demand(header["t"] === "welcome", `after the session's end it was answered by "${header["t"]}"`);
      await closeAnother(peer, header["sid"], 8);
      await peer.hello();
    },
  ),
];

/** A little more than three ping periods, if the check may be silent that long. */
function threePeriods(peer: Peer): number {
  const silence = 3.3 * peer.welcome.limits.ping_period_ms;
  const longest = peer.options.longestSilence ?? 2000;
  if (silence <= longest) return silence;
  throw new NotTried(`three ping periods are ${silence} ms, and no check is silent for more than ${longest}`);
}

export const SESSION: readonly Check[] = [
  core(
    "session.connection",
    "a session outlives its connection: the same sid over another one goes on, and is answered over that one",
    "tell the session by sid, and answer to the routing id that the request came with",
    async (peer) => {
      await peer.hello();
      await peer.one({ env: 0, op: "reset", seed: 1 });
      const frames = peer.frames({ t: "ping" });
      await peer.sendRaw(frames);
      const before = await peer.receiveRaw();
      await peer.reconnect();
      await peer.sendRaw(frames);
      const after = await peer.receiveRaw();
      demand(Buffer.concat(before).equals(Buffer.concat(after)), "a resend over a new connection got another reply");
      await peer.expectSilence(50);
      const { result } = await peer.one({ env: 0, op: "noop" });
      demand(result.episode === 1, "the environments did not stay as they were");
    },
  ),
  core(
    "session.heard",
    "anything of the session counts as being heard, a resend too: another client stays BUSY",
    "note the time of each message with the session's sid, whatever becomes of it",
    async (peer) => {
      const silence = threePeriods(peer);
      await peer.hello();
      const frames = peer.frames({ t: "ping" });
      const { req } = peer;
      for (let i = 0; i < 4; i++) {
        await peer.exchange(frames, req);
        await wait(silence / 4);
      }
      peer.mustBe("BUSY", await anotherHello(peer, 1));
    },
  ),
  core(
    "session.silence",
    "after three silent ping periods the session's own client may go on; another client's hello gets the session",
    "end a silent session when another client asks, not before",
    async (peer) => {
      const silence = threePeriods(peer);
      await peer.hello();
      await peer.one({ env: 0, op: "reset", seed: 1 });
      await wait(silence);
      const { result } = await peer.one({ env: 0, op: "noop" });
      demand(result.episode === 1, "after the silence, the environments were not as they had been");
      peer.mustBe("BUSY", await anotherHello(peer, 1));
      await wait(silence);
      const { header } = await anotherHello(peer, 2);
      demand(header["t"] === "welcome", `after three silent periods another client's hello got "${header["t"]}"`);
      await peer.refused("NO_SESSION", { t: "ping" });
      if (peer.endsWithSession) {
        // Otherwise the server would end with it: the own client takes the session back once the other one is silent.
        await wait(silence);
      } else {
        await closeAnother(peer, header["sid"], 3);
      }
      await peer.hello();
    },
  ),
];

export const FAREWELL: readonly Check[] = [
  core(
    "close.closed",
    "close is answered by closed and ends the session; a server that connected ends, one that bound welcomes the next",
    "forget the session; its sid is NO_SESSION from then on",
    async (peer) => {
      const { header } = await peer.ask({ t: "close" });
      demand(header["t"] === "closed", `it was answered by "${header["t"]}"`);
      demand(header["sid"] === peer.sid, "closed has another sid than its session");
      if (peer.endsWithSession) {
        demand(await peer.isLeft(), `${peer.patience / 1000} s after closed, the server is still connected`);
        return;
      }
      await peer.refused("NO_SESSION", { t: "ping" });
      await peer.hello();
      await peer.ask({ t: "close" });
    },
  ),
];

/** For servers with an encrypted transport; the suite could not have come this far without encryption. */
export const CURVE: readonly Check[] = [
  checkOf("curve")(
    "curve.used",
    "a server that names curve is reached with keys",
    "name curve only where the socket is a CURVE server",
    async (peer) => {
      demand(peer.options.keys !== undefined, "curve is named, and yet a client without keys was answered");
    },
  ),
];
