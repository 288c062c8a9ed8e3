/** @file The public API of the vision-language models. */
export * from "./model.js";
export { openModel } from "./open.js";
