/** @file The version of what is asked of a picture. */

/** Raised when what is asked of a picture changes; config.json has it. */
export const LANGUAGE_VERSION = 2;
