/**
 * @file `rls3/worlds`: catalogs, layouts and placement rules of the embedded environment, and the environment itself
 * for your own server.
 */

// Reproducible random numbers: `Random.stream(seed, "mine")`.
export { Random } from "../random/random.js";
export type { CatalogDocument } from "../rooms/index.js";
// Catalogs: shipped by name, or from a file. States: a layout by seed, and the outcome of a placement. The environment
// as a server: `new EnvironmentHost(roomsDefinition(loadCatalog("rooms")))` with rls3/protocol.
export {
  ACTION_NAMES,
  type Catalog,
  type CatalogObject,
  decodeAction,
  drawLayout,
  type Layout,
  loadCatalog,
  OBJECT_FIELDS,
  type Objects,
  type Placement,
  type PlacementOutcome,
  parseCatalog,
  place,
  REASONS,
  type RoomsOptions,
  type Rules,
  roomsDefinition,
  type Scene,
  SHIPPED_WORLDS,
  seenPoints,
  stateHash,
} from "../rooms/index.js";
