/** @file The worlds that ship: unity-project/Packages/com.rls3.gym/Catalog~/NAME.json. */

/** Names that `loadCatalog` accepts besides file paths. */
export const SHIPPED_WORLDS = ["rooms", "tabletop"] as const;
