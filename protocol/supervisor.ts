/**
 * @file Steps a server that may die: starts it again, or waits for it. Each episode that ends with it is reported as
 * lost, once.
 */

import { DEFAULT_TIMEOUTS } from "./channel.js";
import {
  type BatchResult,
  type ClientOptions,
  EnvironmentClient,
  type Op,
  type ParameterValue,
  type VectorEnvironment,
} from "./client.js";
import { ProtocolError } from "./errors.js";
import type { EnvResult, Welcome } from "./messages.js";
import { type ProcessOptions, ServerProcess } from "./process.js";
import { joinParts, sameEnvironment } from "./rows.js";

/**
 * When a lost server is started again, and when it is given up. Delays in milliseconds; each failure in a row doubles
 * them.
 */
export interface RestartPolicy {
  /** The most restarts in a row, without `healthyAfter` milliseconds of work in between. */
  readonly atMost: number;
  readonly firstDelay: number;
  readonly longestDelay: number;
  readonly healthyAfter: number;
}

/** At most 5 restarts in a row, with delays from 0.25 s up to 30 s; a minute of work counts as healthy. */
export const DEFAULT_RESTARTS: RestartPolicy = {
  atMost: 5,
  firstDelay: 250,
  longestDelay: 30_000,
  healthyAfter: 60_000,
};

/**
 * News about a server for the user: it is waited for, busy with another client, gone (paused until it is back), or
 * started again.
 */
export interface SupervisorEvent {
  readonly kind: "waiting" | "busy" | "paused" | "restarting";
  readonly message: string;
}

/** How a lost server is brought back, and where news about it goes. */
export interface SupervisorOptions {
  readonly restarts?: Partial<RestartPolicy>;
  /** Called with each piece of news; `message` is a line for the user. */
  readonly onEvent?: (event: SupervisorEvent) => void;
}

/** The process to start, the client that it connects to, and how it is brought back. */
export interface SpawnOptions extends ProcessOptions, SupervisorOptions {
  /** The client's options. By default, the endpoint is a free loopback port, passed as `--connect ENDPOINT`. */
  readonly client?: Omit<ClientOptions, "endpoint" | "signal"> & { readonly endpoint?: string };
  /** Milliseconds from start to connection; the phase "spawn". */
  readonly spawnTimeout?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A session, and what was started for it. */
interface Connection {
  readonly client: EnvironmentClient;
  /** The server's last output, if available. */
  readonly tail?: () => string;
  /** Ends the session and whatever was started for it. */
  close(): Promise<void>;
  /** Ends it at once, for a server that is lost. */
  abandon(): Promise<void>;
}

/** Starts a server and steps it: see SupervisedEnvironment. */
export function spawnServer(options: SpawnOptions): Promise<SupervisedEnvironment> {
  return SupervisedEnvironment.open((signal) => spawnOnce(options, signal), options, options.signal);
}

/**
 * Steps a server that others start and stop, such as the Editor's Play: waits for it without limit, at first and
 * whenever it is gone. Its steps have no timeout, because a paused Editor is no error.
 */
export function followServer(options: ClientOptions & SupervisorOptions): Promise<SupervisedEnvironment> {
  const forever = Number.POSITIVE_INFINITY;
  const timeouts = { ...options.timeouts, connect: forever, hello: forever, reset: forever, step: forever };
  const open = async (signal: AbortSignal): Promise<Connection> => {
    options.onEvent?.({ kind: "waiting", message: `waiting for the environment at ${options.endpoint}` });
    const onDisconnect = (): void =>
      options.onEvent?.({
        kind: "paused",
        message: `the environment at ${options.endpoint} is gone: paused until it is back`,
      });
    const client = await whenFree(
      options,
      () => EnvironmentClient.connect({ ...options, timeouts, signal, onDisconnect }),
      signal,
    );
    const abandon = async (): Promise<void> => client.end(new ProtocolError("UNAVAILABLE", "the session is lost"));
    return { client, close: () => client.close(), abandon };
  };
  return SupervisedEnvironment.open(
    open,
    { ...options, restarts: { ...options.restarts, atMost: forever } },
    options.signal,
  );
}

/** Milliseconds to wait while another client has the session: a day. */
const MOST_BUSY = 24 * 3_600_000;

/** Waits while another client has the session: a killed trainer holds it for three ping periods. */
async function whenFree<T>(options: SupervisorOptions, connect: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const started = performance.now();
  for (let tries = 0; ; tries++) {
    try {
      return await connect();
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== "BUSY") throw error;
      if (performance.now() - started > MOST_BUSY) throw error;
      if (tries === 0) options.onEvent?.({ kind: "busy", message: `${error.message}; waiting for that` });
      await pause(options.restarts?.firstDelay ?? 1000, signal);
    }
  }
}

/** Binds a free port, starts the process with it, waits for its welcome. */
async function spawnOnce(options: SpawnOptions, signal: AbortSignal): Promise<Connection> {
  const spawnTimeout = options.spawnTimeout ?? 60_000;
  const timeouts = { ...DEFAULT_TIMEOUTS, connect: spawnTimeout, ...options.client?.timeouts };
  const listener = await EnvironmentClient.listen({ endpoint: "tcp://127.0.0.1:*", ...options.client, timeouts });
  let server: ServerProcess;
  try {
    server = new ServerProcess({ ...options, args: [...options.args, "--connect", listener.endpoint] });
  } catch (error) {
    listener.close();
    throw error;
  }
  const shown = [options.command, ...options.args].join(" ");
  const gone = server.ended.then((how) => {
    const error = new ProtocolError("UNAVAILABLE", withTail(`the server "${shown}" ${how}`, server.tail), {
      phase: "spawn",
    });
    return error;
  });
  try {
    const accepted = listener.accept(signal);
    accepted.catch(() => undefined); // reported below, or replaced by why the process ended
    const first = await Promise.race([accepted, gone]);
    if (first instanceof ProtocolError) throw first;
    void gone.then((error) => first.end(error));
    return {
      client: first,
      tail: () => server.tail,
      close: async () => {
        await first.close();
        await server.stop();
      },
      abandon: async () => {
        first.end(new ProtocolError("UNAVAILABLE", `the server "${shown}" was given up`));
        await server.kill();
      },
    };
  } catch (error) {
    listener.close();
    await server.kill();
    if (!(error instanceof ProtocolError) || error.code !== "TIMEOUT") throw error;
    const phase = error.detail["phase"] === "connect" ? "spawn" : "hello";
    const said = phase === "spawn" ? `"${shown}" did not connect within ${spawnTimeout / 1000} s` : error.message;
    throw new ProtocolError("TIMEOUT", withTail(`timeout in phase "${phase}": ${said}`, server.tail), { phase }, true);
  }
}

function withTail(message: string, tail: string): string {
  return tail === "" ? `${message}; it printed nothing` : `${message}; its last lines:\n${tail.replace(/^/gm, "  | ")}`;
}

/** Whether the server is lost; an answer that is an error is no loss. */
function isLoss(error: unknown): boolean {
  return error instanceof ProtocolError && ["UNAVAILABLE", "NO_SESSION", "TIMEOUT", "CLOSED"].includes(error.code);
}

/** An environment's episodes, counted over all servers: those of earlier servers, the last one, and its steps. */
interface Episode {
  before: number;
  last: number;
  step: number;
}

export class SupervisedEnvironment implements VectorEnvironment {
  /** How often the server was restarted or came back. */
  restarts = 0;
  /** Episodes that ended because their server did. */
  lostEpisodes = 0;
  private readonly policy: RestartPolicy;
  private readonly stopping = new AbortController();
  private connection: Promise<Connection>;
  private openedAt = performance.now();
  private failures = 0;
  private parameters: Record<string, ParameterValue> = {};
  /** Environments with a lost episode that was not reported yet. */
  private readonly lost = new Set<number>();
  private readonly running = new Set<number>();
  private readonly episodes: readonly Episode[];

  private constructor(
    private readonly openConnection: (signal: AbortSignal) => Promise<Connection>,
    private readonly options: SupervisorOptions,
    first: Connection,
    readonly welcome: Welcome,
  ) {
    this.policy = { ...DEFAULT_RESTARTS, ...options.restarts };
    this.connection = Promise.resolve(first);
    this.episodes = Array.from({ length: welcome.envCount }, () => ({ before: 0, last: 0, step: 0 }));
  }

  /** Does not retry a failed first start: the user must fix that. */
  static async open(
    openConnection: (signal: AbortSignal) => Promise<Connection>,
    options: SupervisorOptions,
    signal: AbortSignal | undefined,
  ): Promise<SupervisedEnvironment> {
    const first = await openConnection(signal ?? new AbortController().signal);
    return new SupervisedEnvironment(openConnection, options, first, first.client.welcome);
  }

  /** Like EnvironmentClient.batch; the running episodes of a lost server end here with `truncated` and `info.lost`. */
  async batch(
    ops: readonly Op[],
    want: readonly string[],
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<BatchResult> {
    for (;;) {
      options.signal?.throwIfAborted();
      const connection = await orAborted(this.connection, options.signal);
      const mourned = this.mourn(ops);
      try {
        if (mourned.length === 0) return this.note(ops, await connection.client.batch(ops, want, options));
        return await this.batchRest(connection, ops, mourned, want, options);
      } catch (error) {
        for (const i of mourned) this.lost.add((ops[i] as Op).env);
        if (!isLoss(error) || this.stopping.signal.aborted) throw error;
        this.lose(connection, error as ProtocolError);
      }
    }
  }

  /**
   * Sets named parameters; a server that replaces this one gets them too.
   * @throws ProtocolError
   */
  async configure(parameters: Readonly<Record<string, ParameterValue>>): Promise<void> {
    await (await this.connection).client.configure(parameters);
    this.parameters = { ...this.parameters, ...parameters };
  }

  async ping(): Promise<void> {
    await (await this.connection).client.ping();
  }

  async close(): Promise<void> {
    if (this.stopping.signal.aborted) return;
    this.stopping.abort(new ProtocolError("CLOSED", "the environment was closed"));
    const connection = await this.connection.catch(() => undefined);
    await connection?.close();
  }

  /** Closes the session and ends the server: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Which operations meet a lost episode: a step or noop reports it, a reset makes reporting unnecessary. */
  private mourn(ops: readonly Op[]): number[] {
    if (this.lost.size === 0) return [];
    return ops.flatMap((op, i) => (this.lost.delete(op.env) && op.op !== "reset" ? [i] : []));
  }

  private async batchRest(
    connection: Connection,
    ops: readonly Op[],
    mourned: readonly number[],
    want: readonly string[],
    options: { signal?: AbortSignal | undefined },
  ): Promise<BatchResult> {
    const places = ops.flatMap((_, i) => (mourned.includes(i) ? [] : [i]));
    const rest = places.map((i) => ops[i] as Op);
    const answered =
      rest.length === 0
        ? { results: [], tensors: {} }
        : this.note(rest, await connection.client.batch(rest, want, options));
    const epitaphs = mourned.map((i): EnvResult => {
      const { env } = ops[i] as Op;
      const { last, step } = this.episodeOf(env);
      return { env, reward: 0, terminated: false, truncated: true, episode: last, step, info: { lost: true } };
    });
    const parts = [
      { result: answered, places },
      { result: { results: epitaphs, tensors: {} }, places: mourned },
    ];
    return joinParts(ops.length, parts, want, this.welcome);
  }

  /** Records which episodes run, and continues the counts of earlier servers. */
  private note(ops: readonly Op[], batch: BatchResult): BatchResult {
    let renumbered = false;
    for (const [i, { env, terminated, truncated, error, episode, step }] of batch.results.entries()) {
      const known = this.episodeOf(env);
      known.last = known.before + episode;
      known.step = step;
      renumbered ||= known.before > 0;
      if (terminated || truncated || error?.code === "ENV_CRASH") this.running.delete(env);
      // A noop observes ended episodes too.
      else if (error === undefined && ops[i]?.op !== "noop") this.running.add(env);
    }
    if (!renumbered) return batch;
    const results = batch.results.map((result) => ({
      ...result,
      episode: this.episodeOf(result.env).last,
    }));
    return { ...batch, results };
  }

  private episodeOf(env: number): Episode {
    const episode = this.episodes[env];
    if (episode === undefined) throw new RangeError(`there is no environment ${env}`);
    return episode;
  }

  private lose(connection: Connection, error: ProtocolError): void {
    if (this.lostConnection === connection) return;
    this.lostConnection = connection;
    for (const env of this.running) this.lost.add(env);
    this.lostEpisodes += this.running.size;
    this.running.clear();
    for (const episode of this.episodes) episode.before = episode.last;
    if (performance.now() - this.openedAt > this.policy.healthyAfter) this.failures = 0;
    this.connection = this.reopen(connection, error);
    this.connection.catch(() => undefined); // reported to whoever awaits it
  }
  private lostConnection: Connection | undefined;

  private async reopen(old: Connection, cause: ProtocolError): Promise<Connection> {
    // A server that hangs is explained by its log, one that died by how it ended.
    const hung = cause.code === "TIMEOUT" && old.tail !== undefined;
    let why = hung ? new ProtocolError("TIMEOUT", withTail(cause.message, old.tail()), cause.detail, true) : cause;
    await old.abandon();
    for (;;) {
      this.failures++;
      if (this.failures > this.policy.atMost) {
        throw new ProtocolError(
          "UNAVAILABLE",
          `gave up after ${this.policy.atMost} restarts in a row: ${why.message}`,
          why.detail,
        );
      }
      const delay = Math.min(this.policy.firstDelay * 2 ** (this.failures - 1), this.policy.longestDelay);
      this.options.onEvent?.({
        kind: "restarting",
        message: `${why.message}\nrestart ${this.failures} in ${delay / 1000} s`,
      });
      await pause(delay, this.stopping.signal);
      try {
        return await this.openAgain();
      } catch (error) {
        if (!isLoss(error) || this.stopping.signal.aborted) throw error;
        why = error as ProtocolError;
      }
    }
  }

  private async openAgain(): Promise<Connection> {
    const next = await this.openConnection(this.stopping.signal);
    try {
      await this.settle(next);
      return next;
    } catch (error) {
      // Nobody else knows of it: its process and its session would stay.
      await next.abandon();
      throw error;
    }
  }

  private async settle(next: Connection): Promise<void> {
    if (!sameEnvironment(next.client.welcome, this.welcome) || next.client.welcome.envCount !== this.welcome.envCount) {
      throw new ProtocolError(
        "CONFIGURATION",
        "the server came back as another one: its specs, catalog or number of environments changed",
      );
    }
    if (Object.keys(this.parameters).length > 0) await next.client.configure(this.parameters);
    this.restarts++;
    this.openedAt = performance.now();
  }
}

/** Waits no longer than until the abort. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
  signal.throwIfAborted();
}
