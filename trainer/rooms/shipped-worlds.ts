/** @file The worlds that ship: unity-project/catalog/NAME.json. */
export const SHIPPED_WORLDS = ["rooms", "tabletop"] as const;
