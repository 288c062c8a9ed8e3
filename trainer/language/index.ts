/** @file The one way into language: relations, which of them are asked, captions, phrasings, answers. */
export * from "./answers.js";
export * from "./bases.js";
export * from "./captions.js";
export * from "./phrasing.js";
export * from "./relations.js";
export * from "./version.js";
export { type Vocabulary, vocabularySchema } from "./vocabulary.js";
