/** @file The worlds that ship: unity-project/Packages/com.rls3.gym/Catalog~/NAME.json. */
export const SHIPPED_WORLDS = ["rooms", "tabletop"] as const;
