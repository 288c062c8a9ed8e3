/** @file The one way into language: relations, captions, questions, answers. */
export * from "./answers.js";
export * from "./captions.js";
export * from "./relations.js";
export * from "./version.js";
