/** @file Episodes that checks play, and what they show. */
import { dtypeOf, membershipCheck, type TensorData } from "../spaces.js";
import { sameData, sampleAction } from "./check.js";
import { demand, type Peer, type PeerOp } from "./peer.js";

/** Observations to compare: those without a renderer, or one with a renderer if there are no others. */
export function wanted(peer: Peer): string[] {
  const plain = peer.observable.filter((spec) => spec.graphics !== true);
  return (plain.length > 0 ? plain : peer.observable).map(({ uid }) => uid);
}

export function inSpace(peer: Peer, uid: string, data: TensorData): void {
  const spec = peer.welcome.observations.find((candidate) => candidate.uid === uid);
  demand(spec !== undefined, `there is no observation "${uid}"`);
  demand(dtypeOf(data) === spec.dtype, `${uid} is ${dtypeOf(data)}, not ${spec.dtype}`);
  const problem = membershipCheck(spec)(data);
  demand(problem === undefined, `an observation outside its space: ${problem?.message}`);
}

/** `Peer.outcome` has checked that every wanted observation came. */
export function dataOf(tensors: ReadonlyMap<string, TensorData>, uid: string): TensorData {
  const data = tensors.get(uid);
  demand(data !== undefined, `the answer lacks the wanted observation "${uid}"`);
  return data;
}

/** Row i of each wanted observation. */
export function rowOf(
  tensors: ReadonlyMap<string, TensorData>,
  want: readonly string[],
  i: number,
  rows: number,
): TensorData[] {
  return want.map((uid) => {
    const data = dataOf(tensors, uid);
    const size = data.length / rows;
    return data.subarray(i * size, (i + 1) * size);
  });
}

export function sameRows(a: readonly TensorData[], b: readonly TensorData[]): boolean {
  return a.length === b.length && a.every((data, i) => sameData(data, b[i]));
}

/** An environment's observations and hash, from a noop. */
export async function look(peer: Peer, env = 0): Promise<{ rows: TensorData[]; hash: string | undefined }> {
  const want = wanted(peer);
  const { result, tensors } = await peer.one({ env, op: "noop" }, want);
  return { rows: rowOf(tensors, want, 0, 1), hash: result.stateHash };
}

/** Everything visible of an episode. */
export interface Played {
  /** For each operation: reward, ends, hash and info. */
  readonly record: readonly unknown[];
  readonly rows: readonly TensorData[];
}

/** A reset and some steps; fewer if the episode ends. */
export async function play(peer: Peer, start: { env?: number; seed?: number }, length: number): Promise<Played> {
  const want = wanted(peer);
  const record: unknown[] = [];
  const rows: TensorData[] = [];
  const env = start.env ?? 0;
  for (let i = 0; i <= length; i++) {
    const op: PeerOp =
      i === 0 ? { ...start, env, op: "reset" } : { env, op: "step", action: sampleAction(peer.welcome.action, i) };
    const { result, tensors } = await peer.one(op, want);
    record.push([result.reward, result.terminated, result.truncated, result.stateHash, result.info]);
    rows.push(...rowOf(tensors, want, 0, 1));
    if (result.terminated || result.truncated) break;
  }
  return { record, rows };
}

export function samePlay(a: Played, b: Played): boolean {
  return JSON.stringify(a.record) === JSON.stringify(b.record) && sameRows(a.rows, b.rows);
}
