/** @file The error of a run that the user stopped: the last checkpoint stays, and `--resume` goes on from it. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}
