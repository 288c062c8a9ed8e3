/**
 * @file Checks the version of the questions that a folder was made with: runs with different questions must not be
 * mixed.
 */
import { InputError } from "../errors.js";
import { LANGUAGE_VERSION } from "../language/index.js";

/**
 * Refuses to go on with what `file` describes where its version is another one; old files have no version and count as
 * 1.
 */
export function refuseOtherLanguage(file: string, languageVersion: unknown): void {
  if (languageVersion === LANGUAGE_VERSION) return;
  const version = languageVersion === undefined ? "1 (it names none)" : JSON.stringify(languageVersion);
  throw new InputError(
    `${file}: was made with version ${version} of the language, and this rls3 has version ${LANGUAGE_VERSION}, which asks about other pairs; start again in another folder, or go on with it in the version that made it`,
  );
}
