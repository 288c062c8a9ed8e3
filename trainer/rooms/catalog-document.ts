/** @file A catalog as it stands in its file and in the welcome message: plain JSON, checked by catalog.schema.json. */

export type Point = readonly [number, number, number];
export type Interval = readonly [number, number];
/** Red, green, blue, 0 to 1. */
export type Color = readonly [number, number, number];

export interface FrustumPrimitive {
  readonly shape: "frustum";
  /** Centre of the bottom disc, from the centre of the object's base. */
  readonly offset: Point;
  readonly bottomRadius: number;
  readonly topRadius: number;
  readonly height: number;
  readonly color: Color;
}

export interface BoxPrimitive {
  readonly shape: "box";
  /** Centre of the box. */
  readonly offset: Point;
  readonly halfSize: Point;
  readonly color: Color;
}

export interface EllipsoidPrimitive {
  readonly shape: "ellipsoid";
  /** Centre of the ellipsoid. */
  readonly offset: Point;
  readonly radii: Point;
  readonly color: Color;
}

export type Primitive = FrustumPrimitive | BoxPrimitive | EllipsoidPrimitive;

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
}

export interface SceneDocument {
  readonly name: string;
  readonly size: Point;
  readonly floorColor: Color;
  readonly wallColor: Color;
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
