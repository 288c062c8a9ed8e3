/** @file Who may connect: loopback is open, any other address needs CURVE keys and a token on both sides. */
import { readFileSync } from "node:fs";
import { curveKeyPair } from "zeromq";
import { ProtocolError } from "./errors.js";

/**
 * Both sides have the server's public key; its secret key stays with the server. Keys are Z85 text of 40 characters.
 */
export interface Keys {
  readonly serverPublicKey: string;
  /** Servers only. */
  readonly serverSecretKey?: string;
  readonly token: string;
}

/** Minimum length of a token in a keys file. */
export const SHORTEST_TOKEN = 16;

const LOOPBACK = /^tcp:\/\/(127(\.\d{1,3}){3}|localhost|\[::1\]):(\d+|\*)$/;

/** Whether an endpoint can only be reached from this machine: `tcp://127.…`, `localhost`, `[::1]`, or `ipc://`. */
export function isLoopback(endpoint: string): boolean {
  return LOOPBACK.test(endpoint) || endpoint.startsWith("ipc://");
}

/** @throws ProtocolError CONFIGURATION for an invalid endpoint, or one beyond this machine without keys */
export function checkEndpoint(endpoint: string, keys: Keys | undefined): void {
  if (!/^(tcp:\/\/[^\s/]+:(\d+|\*)|ipc:\/\/.+)$/.test(endpoint)) {
    throw new ProtocolError(
      "CONFIGURATION",
      `"${endpoint}" is not an endpoint; write tcp://ADDRESS:PORT, such as tcp://127.0.0.1:5005`,
    );
  }
  const port = Number(/:(\d+)$/.exec(endpoint)?.[1] ?? 0);
  // ZeroMQ would take the port modulo 65536.
  if (port > 65_535) throw new ProtocolError("CONFIGURATION", `${endpoint}: ports go from 0 to 65535`);
  if (keys === undefined && !isLoopback(endpoint)) {
    throw new ProtocolError(
      "CONFIGURATION",
      `${endpoint} is not a loopback address: it takes CURVE keys and a token on both sides (a keys file), or use tcp://127.0.0.1:PORT`,
    );
  }
}

/** A new CURVE key pair with the clients' token, in the form that a server needs. */
export function generateKeys(token: string): Required<Keys> {
  const { publicKey, secretKey } = curveKeyPair();
  return { serverPublicKey: publicKey, serverSecretKey: secretKey, token };
}

/** Reads a keys file: `{"serverPublicKey", "serverSecretKey"?, "token"}`. */
export function readKeys(file: string): Keys {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ProtocolError("CONFIGURATION", `keys file ${file}: ${error instanceof Error ? error.message : error}`);
  }
  const { serverPublicKey, serverSecretKey, token } = (value ?? {}) as Record<string, unknown>;
  const isKey = (key: unknown): key is string => typeof key === "string" && key.length === 40;
  if (!isKey(serverPublicKey)) throw badKeys(file, "serverPublicKey must be 40 characters of Z85");
  if (serverSecretKey !== undefined && !isKey(serverSecretKey))
    throw badKeys(file, "serverSecretKey must be 40 characters of Z85");
  if (typeof token !== "string" || token.length < SHORTEST_TOKEN)
    throw badKeys(file, `token must be a string of at least ${SHORTEST_TOKEN} characters`);
  return { serverPublicKey, ...(serverSecretKey === undefined ? {} : { serverSecretKey }), token };
}

function badKeys(file: string, what: string): Error {
  return new ProtocolError("CONFIGURATION", `keys file ${file}: ${what}`);
}

/** Socket options of the environment's side: always the CURVE server, whichever side binds. */
export function serverCurve(keys: Keys | undefined): { curveServer?: boolean; curveSecretKey?: string } {
  if (keys === undefined) return {};
  if (keys.serverSecretKey === undefined)
    throw new ProtocolError("CONFIGURATION", "a server's keys need serverSecretKey");
  return { curveServer: true, curveSecretKey: keys.serverSecretKey };
}

/** Socket options of the client's side, with a new key pair for each session. */
export function clientCurve(keys: Keys | undefined): {
  curveServerKey?: string;
  curvePublicKey?: string;
  curveSecretKey?: string;
} {
  if (keys === undefined) return {};
  const { publicKey, secretKey } = curveKeyPair();
  return { curveServerKey: keys.serverPublicKey, curvePublicKey: publicKey, curveSecretKey: secretKey };
}
