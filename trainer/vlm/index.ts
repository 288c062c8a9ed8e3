/** @file The one way into the vision-language models. */
export * from "./model.js";
export { openModel } from "./open.js";
