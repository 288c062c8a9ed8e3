/** @file Several servers as one vector of environments. */
import type { BatchResult, Op, ParameterValue, VectorEnvironment } from "./client.js";
import { badMessage, ProtocolError } from "./errors.js";
import type { EnvResult, Welcome } from "./messages.js";
import { joinParts, sameEnvironment } from "./rows.js";

/** Environments are numbered server by server, in the order of the servers. */
export class EnvironmentPool implements VectorEnvironment {
  readonly welcome: Welcome;
  private readonly firsts: readonly number[];

  /** @param members servers of the same environment, already connected; the pool closes them */
  constructor(private readonly members: readonly VectorEnvironment[]) {
    const [first] = members;
    if (first === undefined) throw new ProtocolError("CONFIGURATION", "a pool needs at least one server");
    const other = members.findIndex((member) => !sameEnvironment(member.welcome, first.welcome));
    if (other >= 0) {
      throw new ProtocolError(
        "CONFIGURATION",
        `server ${other} of the pool serves something else than server 0 (specs, catalog or capabilities)`,
      );
    }
    let envCount = 0;
    this.firsts = members.map((member) => {
      const start = envCount;
      envCount += member.welcome.envCount;
      return start;
    });
    const max_in_flight = Math.min(...members.map((member) => member.welcome.limits.max_in_flight));
    this.welcome = { ...first.welcome, envCount, limits: { ...first.welcome.limits, max_in_flight } };
  }

  /** The servers work at the same time; the answer has the order of `ops`. */
  async batch(
    ops: readonly Op[],
    want: readonly string[],
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<BatchResult> {
    const places = this.members.map((): number[] => []);
    const shares = this.members.map((): Op[] => []);
    ops.forEach((op, i) => {
      const member = this.memberOf(op.env);
      (places[member] as number[]).push(i);
      (shares[member] as Op[]).push({ ...op, env: op.env - (this.firsts[member] as number) });
    });
    const parts = await Promise.all(
      this.members.map(async (member, m) => {
        const share = shares[m] as Op[];
        if (share.length === 0) return undefined;
        return { result: this.renumber(await member.batch(share, want, options), m), places: places[m] as number[] };
      }),
    );
    return joinParts(
      ops.length,
      parts.filter((part) => part !== undefined),
      want,
      this.welcome,
    );
  }

  async configure(parameters: Readonly<Record<string, ParameterValue>>): Promise<void> {
    await Promise.all(this.members.map((member) => member.configure(parameters)));
  }

  async ping(): Promise<void> {
    await Promise.all(this.members.map((member) => member.ping()));
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()));
  }

  /** Closes all servers' sessions: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private memberOf(env: number): number {
    if (!Number.isInteger(env) || env < 0 || env >= this.welcome.envCount) {
      throw badMessage(`there is no environment ${env}; there are ${this.welcome.envCount}`);
    }
    return this.firsts.findLastIndex((first) => first <= env);
  }

  private renumber(part: BatchResult, member: number): BatchResult {
    const first = this.firsts[member] as number;
    const results = part.results.map((result): EnvResult => ({ ...result, env: result.env + first }));
    return { ...part, results };
  }
}
