/** @file The one way into the vision-language models. */
export * from "./model.js";
export { type OpenOptions, openModel } from "./open.js";
