/** @file The version of the questions about pictures. */

/**
 * Raised when the questions about a pair change. Every run's config.json has it; runs of different versions are not
 * comparable. Version 1 asked about every pair; version 2 leaves out pairs that `contradictsBases` (bases.ts). History:
 * README.md.
 */
export const LANGUAGE_VERSION = 2;
