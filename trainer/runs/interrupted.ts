/** @file What a run ends with when the user stops it: the last checkpoint stays, and `--resume` goes on from there. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}
