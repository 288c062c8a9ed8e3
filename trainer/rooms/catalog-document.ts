/** @file A catalog's JSON, as in its file and in the welcome message; catalog.schema.json checks it. */

export type Point = readonly [number, number, number];
export type Interval = readonly [number, number];
/** Red, green, blue, 0 to 1. */
export type Color = readonly [number, number, number];

/** The visible pattern of a surface that does not move; lengths in millimetres. */
export interface Pattern {
  readonly kind: "planks" | "tiles" | "checker" | "wood" | "weave" | "stripes" | "panels";
  /** Across and along a board, a tile, a door or the grain. */
  readonly size: readonly [number, number];
  /** Default 1; 0 hides the pattern. */
  readonly contrast?: number;
}

interface Look {
  readonly color: Color;
  /** How strongly it mirrors the lamp, 0 (default) to 1; only on objects. */
  readonly gloss?: number;
  /** Only drawn on furniture and decoration; objects that move are plain. */
  readonly pattern?: Pattern;
}

export interface FrustumPrimitive extends Look {
  readonly shape: "frustum";
  /** Centre of the bottom disc, relative to the centre of the object's base. */
  readonly offset: Point;
  readonly bottomRadius: number;
  readonly topRadius: number;
  readonly height: number;
}

export interface BoxPrimitive extends Look {
  readonly shape: "box";
  /** Centre of the box. */
  readonly offset: Point;
  readonly halfSize: Point;
}

export interface EllipsoidPrimitive extends Look {
  readonly shape: "ellipsoid";
  /** Centre of the ellipsoid. */
  readonly offset: Point;
  readonly radii: Point;
}

/** A profile rotated about the vertical axis through `offset`. */
export interface LathePrimitive extends Look {
  readonly shape: "lathe";
  readonly offset: Point;
  /** [radius, height] from the outside of the foot to the rim; for a hollow object, on down the inside. */
  readonly profile: readonly Interval[];
  /** Used from the first descending point of the profile on; default `color`. */
  readonly insideColor?: Color;
}

export type Primitive = FrustumPrimitive | BoxPrimitive | EllipsoidPrimitive | LathePrimitive;

export interface ObjectDocument {
  readonly name: string;
  readonly collision: { readonly size: Point };
  readonly primitives: readonly Primitive[];
}

export interface FurnitureDocument {
  readonly name?: string;
  readonly x: Interval;
  readonly y: Interval;
  readonly z: Interval;
  readonly color: Color;
  readonly pattern?: Pattern;
  /** Drawn instead of the box, inside it and in the room's coordinates; the rules use only the box. */
  readonly parts?: readonly Primitive[];
}

export interface SceneDocument {
  readonly name: string;
  readonly size: Point;
  readonly floorColor: Color;
  readonly wallColor: Color;
  readonly floorPattern?: Pattern;
  readonly wallPattern?: Pattern;
  /** Rugs, skirting, pictures: drawn in the room's coordinates; the rules ignore them. */
  readonly decoration?: readonly Primitive[];
  readonly camera: { readonly position: Point; readonly target: Point };
  readonly furniture: readonly FurnitureDocument[];
}

export interface RulesDocument {
  readonly placementRange: { readonly x: Interval; readonly z: Interval; readonly drop: Interval };
  readonly activeObjects: number;
  readonly supportFootprint: number;
  readonly stacking: boolean;
  readonly yawSteps: number;
  readonly minimumSeen: number;
  readonly stepsPerEpisodeAtMost?: string;
}

/** A catalog file: rules, objects and scenes of a world, with its camera and light. Lengths are in `units`. */
export interface CatalogDocument {
  readonly name: string;
  readonly units: string;
  readonly camera: { readonly halfFieldTangent: number; readonly note?: string };
  readonly light: { readonly direction: Point; readonly ambient: number; readonly diffuse: number };
  readonly contactShadow: number;
  readonly rules: RulesDocument;
  readonly objects: readonly ObjectDocument[];
  readonly scenes: readonly SceneDocument[];
}
