/**
 * @file The errors that a user sees: one line that says what happened, to what, and what to do. The command line turns
 * them into exit codes.
 */

/** Bad input or configuration, including a missing path. Exit code 2. */
export class InputError extends Error {
  override readonly name: string = "InputError";
}

/** Something needed is not available: a device, a library, a player that does not start. Exit code 3. */
export class UnavailableError extends Error {
  override readonly name: string = "UnavailableError";
}
