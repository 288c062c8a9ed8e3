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

/** Minimum length of a token that comes with keys. */
export const SHORTEST_TOKEN = 16;

const LOOPBACK = /^tcp:\/\/(127(\.\d{1,3}){3}|localhost|\[::1\]):(\d+|\*)$/;

/** Whether an endpoint can only be reached from this machine: `tcp://127.…`, `localhost`, `[::1]`, or `ipc://`. */
export function isLoopback(endpoint: string): boolean {
  return LOOPBACK.test(endpoint) || endpoint.startsWith("ipc://");
}

/**
 * @param connects whether the endpoint is to connect to: then its port must be a number
 * @throws ProtocolError CONFIGURATION for an invalid endpoint, one beyond this machine without keys, or invalid keys
 */
export function checkEndpoint(endpoint: string, keys: Keys | undefined, connects = false): void {
  if (!/^(tcp:\/\/[^\s/]+:(\d+|\*)|ipc:\/\/.+)$/.test(endpoint)) {
    throw new ProtocolError(
      "CONFIGURATION",
      `"${endpoint}" is not an endpoint; write tcp://ADDRESS:PORT, such as tcp://127.0.0.1:5005`,
    );
  }
  if (connects && /^tcp:.*:\*$/.test(endpoint)) {
    throw new ProtocolError(
      "CONFIGURATION",
      `${endpoint} can't be connected to: "*" is a free port for the side that binds; write the port's number`,
    );
  }
  const port = Number(/:(\d+)$/.exec(endpoint)?.[1] ?? 0);
  // ZeroMQ would take the port modulo 65536.
  if (port > 65_535) throw new ProtocolError("CONFIGURATION", `${endpoint}: ports go from 0 to 65535`);
  const problem = keys === undefined ? undefined : keysProblem({ ...keys });
  if (problem !== undefined) throw new ProtocolError("CONFIGURATION", `keys for ${endpoint}: ${problem}`);
  if (keys === undefined && !isLoopback(endpoint)) {
    throw new ProtocolError(
      "CONFIGURATION",
      `${endpoint} is not a loopback address: it takes CURVE keys and a token on both sides (a keys file), or use tcp://127.0.0.1:PORT`,
    );
  }
}

/**
 * A new CURVE key pair with the clients' token, in the form that a server needs.
 * @throws ProtocolError CONFIGURATION for a token of fewer than `SHORTEST_TOKEN` characters
 */
export function generateKeys(token: string): Required<Keys> {
  const problem = tokenProblem(token);
  if (problem !== undefined) throw new ProtocolError("CONFIGURATION", problem);
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
  const problem = keysProblem((value ?? {}) as Record<string, unknown>);
  if (problem !== undefined) throw new ProtocolError("CONFIGURATION", `keys file ${file}: ${problem}`);
  const { serverPublicKey, serverSecretKey, token } = value as Keys;
  return { serverPublicKey, ...(serverSecretKey === undefined ? {} : { serverSecretKey }), token };
}

function keysProblem({ serverPublicKey, serverSecretKey, token }: Record<string, unknown>): string | undefined {
  const secret = serverSecretKey === undefined ? undefined : keyProblem("serverSecretKey", serverSecretKey);
  return keyProblem("serverPublicKey", serverPublicKey) ?? secret ?? tokenProblem(token);
}

const Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/** ZeroMQ takes a key unchecked when a socket is made, and fails when it connects. */
function keyProblem(name: string, key: unknown): string | undefined {
  if (typeof key !== "string" || key.length !== 40) return `${name} must be 40 characters of Z85`;
  const digits = [...key].map((character) => Z85.indexOf(character));
  const wrong = digits.indexOf(-1);
  if (wrong >= 0) return `${name} must be 40 characters of Z85; character ${wrong + 1} is none`;
  for (let i = 0; i < digits.length; i += 5) {
    // Five characters are four bytes.
    const group = digits.slice(i, i + 5).reduce((sum, digit) => 85 * sum + digit, 0);
    if (group >= 2 ** 32) return `${name} is no key: its characters ${i + 1} to ${i + 5} are beyond Z85's four bytes`;
  }
  return undefined;
}

function tokenProblem(token: unknown): string | undefined {
  if (typeof token === "string" && token.length >= SHORTEST_TOKEN) return undefined;
  return `token must be a string of at least ${SHORTEST_TOKEN} characters`;
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
