/** @file The worlds that ship: unity-project/Packages/com.rls3.gym/Catalog~/NAME.json. */

/** Names that `loadCatalog` takes beside the path of a file. */
export const SHIPPED_WORLDS = ["rooms", "tabletop"] as const;
