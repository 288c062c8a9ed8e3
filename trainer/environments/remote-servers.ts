/**
 * @file Environment servers that already run, here or on other machines: one, or several, of which a run takes the
 * first free one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { EnvironmentClient, ProtocolError, readKeys } from "../../protocol/index.js";
import { at } from "../at.js";
import { InputError, UnavailableError } from "../errors.js";
import type { Progress } from "../progress.js";

export interface RemoteServer {
  readonly endpoint: string;
  /** Its keys file; "" for none. */
  readonly keys: string;
}

const isEndpoint = (word: string): boolean => /^[a-z]+:\/\//.test(word);
const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

/**
 * The servers that `--env` names, separated by spaces; null where it names a player or a kind of environment. `--keys`
 * is one file for all of them, or one for each.
 */
export function remoteServers(env: string, keys: string): RemoteServer[] | null {
  const endpoints = wordsOf(env);
  if (!endpoints.every(isEndpoint)) {
    const several = endpoints.length > 1 && endpoints.some(isEndpoint);
    const wrong = several ? endpoints.find((word) => !isEndpoint(word)) : undefined;
    if (wrong !== undefined) throw new InputError(`--env: "${wrong}" is no server, and beside others it must be one`);
    if (keys !== "") throw new InputError(`--keys ${keys}: is for --env tcp://HOST:PORT, not for --env ${env}`);
    return null;
  }
  const twice = endpoints.find((endpoint, i) => endpoints.indexOf(endpoint) < i);
  if (twice !== undefined) throw new InputError(`--env: names ${twice} twice; a server has one client at a time`);
  const files = wordsOf(keys);
  if (files.length > 1 && files.length !== endpoints.length) {
    throw new InputError(
      `--keys: names ${files.length} files for ${endpoints.length} servers; give one for all, or one for each`,
    );
  }
  return endpoints.map((endpoint, i) => ({ endpoint, keys: files[files.length === 1 ? 0 : i] ?? "" }));
}

/** A server gives up a dead client after three silent ping periods (protocol/README.md). */
const SILENT_PERIODS = 4;
/** Assumed where a busy server states no period, or one outside the protocol's range. */
const USUAL_PERIOD = 5000;
const LONGEST_PERIOD = 3_600_000;
/** How long to wait while all of several servers are busy, in milliseconds: a day. */
const MOST_WAITING = 24 * 3_600_000;
/** Pause between rounds, in milliseconds. */
const PAUSE = 1000;
/** How long one of several servers may stay silent before the next is tried, in milliseconds. */
const PATIENCE = 10_000;
/** When to tell the user that a server is being waited for, in milliseconds. */
const NOTICE = 3000;

export interface ConnectOptions {
  readonly imageSize: number;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a session with the first free server. A single server is waited for as long as it may still hold a dead client
 * of this run (a killed cell that is resumed); among several, one will become free.
 */
export async function connectToFree(
  servers: readonly RemoteServer[],
  { imageSize, progress, signal }: ConnectOptions,
): Promise<EnvironmentClient> {
  const alone = servers.length === 1;
  const started = performance.now();
  // Spread runs over the servers; which one a run takes does not change its results.
  const first = process.pid % servers.length;
  const order = [...servers.slice(first), ...servers.slice(0, first)];
  const silent = new Map<string, ProtocolError>();
  for (let round = 0; ; round++) {
    let busy: ProtocolError | undefined;
    for (const { endpoint, keys } of order.filter((server) => !silent.has(server.endpoint))) {
      const notice = setTimeout(() => progress.say(`waiting for the server at ${endpoint}`), NOTICE);
      try {
        return await EnvironmentClient.connect({
          endpoint,
          imageSize,
          signal,
          ...(keys === "" ? {} : { keys: readKeys(keys) }),
          ...(alone ? {} : { timeouts: { connect: PATIENCE, hello: PATIENCE } }),
        });
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        if (error.code === "BUSY") busy = error;
        else if (error.code !== "TIMEOUT" || alone) throw alone ? error : named(endpoint, error);
        else {
          progress.warn(error.message);
          silent.set(endpoint, error);
        }
      } finally {
        clearTimeout(notice);
      }
    }
    if (busy === undefined) throw allSilent([...silent.values()]);
    const patience = alone ? SILENT_PERIODS * periodOf(busy) : MOST_WAITING;
    if (performance.now() - started > patience) throw busy;
    if (round === 0) {
      progress.say(
        alone ? `${at(order, 0).endpoint} is busy: waiting` : `all ${servers.length} servers are busy: waiting`,
      );
    }
    await sleep(PAUSE, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}

function periodOf({ detail }: ProtocolError): number {
  const period = detail["ping_period_ms"];
  return typeof period === "number" && period > 0 && period <= LONGEST_PERIOD ? period : USUAL_PERIOD;
}

const named = (endpoint: string, error: ProtocolError): ProtocolError =>
  new ProtocolError(error.code, `${endpoint}: ${error.message}`, error.detail, error.retryable);

function allSilent(errors: readonly ProtocolError[]): UnavailableError {
  return new UnavailableError(`--env: none of its ${errors.length} servers answers; ${errors[0]?.message ?? ""}`);
}
