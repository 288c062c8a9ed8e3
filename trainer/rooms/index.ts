/** @file The public API of rooms: catalogs, rules, the renderer, and the environment that serves them. */
export { ACTION_NAMES, ACTION_SPEC, decodeAction } from "./action.js";
export {
  type Catalog,
  type CatalogObject,
  type FurnitureBox,
  loadCatalog,
  parseCatalog,
  type Range,
  type Rules,
  type Scene,
} from "./catalog.js";
export type { CatalogDocument } from "./catalog-document.js";
export { DEFAULT_IMAGE_SIZE, type RoomsOptions, roomsDefinition, writeState } from "./environment.js";
export { boxesOverlap, type UprightBox } from "./geometry.js";
export { drawLayout, type Layout } from "./layout.js";
export { activeTypes, centres, OBJECT_FIELDS, type Objects, objectBox } from "./objects.js";
export {
  isHidden,
  type Placement,
  type PlacementOutcome,
  place,
  REASON,
  REASONS,
  type Reason,
} from "./placement.js";
export { type Picture, render } from "./render/render.js";
export { SHIPPED_WORLDS } from "./shipped-worlds.js";
export { STATE_HASH_VERSION, stateHash } from "./state-hash.js";
export { LATTICE_POINTS, seenPoints } from "./visibility.js";
