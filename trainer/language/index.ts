/** @file The public API of language: relations, which of them are askable, captions, phrasings, answers. */
export * from "./answers.js";
export * from "./bases.js";
export * from "./captions.js";
export * from "./phrasing.js";
export * from "./relations.js";
export * from "./version.js";
export { type Vocabulary, vocabularySchema } from "./vocabulary.js";
