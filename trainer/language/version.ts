/** @file The version of what is asked of a picture. */

/**
 * Raised when what is asked about a pair changes: it is in every run's config.json, and runs of different versions are not comparable. 1 asked
 * every pair; 2 leaves out what `contradictsBases` (bases.ts). History in README.md.
 */
export const LANGUAGE_VERSION = 2;
