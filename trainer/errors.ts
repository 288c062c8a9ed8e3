/** @file The errors a user sees: one line that says what happened, to what, and what to do. The command line turns them into exit codes. */

/** Bad input or configuration, a path that does not exist included. Exit code 2. */
export class InputError extends Error {
  override readonly name: string = "InputError";
}

/** Something needed is not available: a device, a player that does not start, a library. Exit code 3. */
export class UnavailableError extends Error {
  override readonly name: string = "UnavailableError";
}
