/** @file Serves an environment over ZeroMQ: a ROUTER socket around an EnvironmentHost, bound or connected. */
import { Router } from "zeromq";
import type { DefinitionSource } from "./environment.js";
import { DEFAULT_LIMITS, EnvironmentHost, type HostOptions } from "./host.js";
import { checkEndpoint, type Keys, serverCurve } from "./security.js";

/** Where a server listens or connects, who may use it, and when it ends. */
export interface ServeOptions extends Omit<HostOptions, "token" | "curve"> {
  /** `tcp://127.0.0.1:*` takes a free port (bind only). */
  readonly endpoint: string;
  readonly keys?: Keys;
  /** Requires a token on loopback, too; keys include their own. */
  readonly token?: string;
  /** End after the first session instead of waiting for the next hello. A server that connects always does. */
  readonly once?: boolean;
  /** Milliseconds after which a server that connects ends if its trainer's address is unreachable; default 5000. */
  readonly orphanedAfter?: number;
}

/** Serves a definition over ZeroMQ, one session at a time. `EnvironmentHost` is the same without a socket. */
export class EnvironmentServer {
  private readonly host: EnvironmentHost;
  private readonly watch: NodeJS.Timeout;
  private downSince: number | undefined;
  private running = true;
  /** Resolves when the server has ended: closed, its one session over, or orphaned. Rejects if its loop breaks. */
  readonly closed: Promise<void>;

  private constructor(
    definition: DefinitionSource,
    private readonly options: ServeOptions,
    private readonly socket: Router,
    private readonly once: boolean,
  ) {
    const { token, keys, endpoint: _endpoint, once: _once, orphanedAfter: _orphanedAfter, ...rest } = options;
    const secret = keys?.token ?? token;
    this.host = new EnvironmentHost(definition, {
      ...rest,
      ...(secret === undefined ? {} : { token: secret }),
      curve: keys !== undefined,
    });
    this.socket.maxMessageSize = 2 * this.host.limits.max_frame_bytes;
    this.watch = setInterval(() => this.tick(), Math.min(500, (options.orphanedAfter ?? 5000) / 2));
    this.closed = this.receive();
  }

  /** The server binds and waits for clients, one session after another. */
  static async bind(definition: DefinitionSource, options: ServeOptions): Promise<EnvironmentServer> {
    const server = EnvironmentServer.create(definition, options, options.once ?? false);
    try {
      await server.socket.bind(options.endpoint);
    } catch (error) {
      server.close();
      throw error;
    }
    return server;
  }

  /** The server connects to a bound client, as a spawned one does, and ends with its session. */
  static connect(definition: DefinitionSource, options: ServeOptions): EnvironmentServer {
    checkEndpoint(options.endpoint, options.keys, true);
    const server = EnvironmentServer.create(definition, options, options.once ?? true);
    server.downSince = performance.now();
    // "connect" and not "handshake": a trainer that is only stopped still exists, and its system still accepts
    // connections.
    server.socket.events.on("connect", () => {
      server.downSince = undefined;
    });
    server.socket.events.on("disconnect", () => {
      server.downSince ??= performance.now();
    });
    try {
      server.socket.connect(options.endpoint);
    } catch (error) {
      server.close();
      throw error;
    }
    return server;
  }

  private static create(definition: DefinitionSource, options: ServeOptions, once: boolean): EnvironmentServer {
    checkEndpoint(options.endpoint, options.keys);
    const inFlight = options.limits?.max_in_flight ?? DEFAULT_LIMITS.max_in_flight;
    const socket = new Router({
      linger: 0,
      ipv6: options.endpoint.includes("["),
      // The most answers to queue for a client that does not read. Enough for all that may be under way, twice, since
      // ZeroMQ counts what was read in halves. Further answers are dropped, and the client may ask again.
      sendHighWaterMark: 2 * inFlight + 2,
      heartbeatInterval: 5000,
      reconnectInterval: 50,
      reconnectMaxInterval: 1000,
      ...serverCurve(options.keys),
    });
    try {
      return new EnvironmentServer(definition, options, socket, once);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /** The endpoint that it is bound to, with the actual port, or connects to. */
  get endpoint(): string {
    return this.socket.lastEndpoint ?? this.options.endpoint;
  }

  /** Ends the server; calling it twice is fine. */
  close(): void {
    if (!this.running) return;
    this.running = false;
    clearInterval(this.watch);
    this.socket.close();
    this.host.close();
  }

  /** Closes and waits for the end: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  private tick(): void {
    const patience = this.options.orphanedAfter ?? 5000;
    if (this.once && this.downSince !== undefined && performance.now() - this.downSince > patience) this.close();
  }

  private async receive(): Promise<void> {
    try {
      while (this.running) {
        const frames = await this.socket.receive();
        const [peer, ...message] = frames;
        const reply = this.host.answer(message);
        await this.socket.send([peer as Buffer, ...reply]);
        if (this.once && this.host.sessionsClosed > 0) await this.finish();
      }
    } catch (error) {
      if (this.running) {
        this.close();
        throw error;
      }
    }
  }

  /** Gives the last answer time to leave: with linger 0, closing at once would drop it. */
  private async finish(): Promise<void> {
    this.socket.linger = 500;
    this.close();
  }
}
