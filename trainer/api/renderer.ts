/** @file `rls3/renderer`: pictures of states, the same bytes on every machine. */

export { encodePng } from "../environments/picture.js";
export { DEFAULT_IMAGE_SIZE, type Picture, render } from "../rooms/index.js";
