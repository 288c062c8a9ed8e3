using System;
using System.Collections.Generic;

namespace UnityEngine.StandIn
{
    /// <summary>Rls3Object.shader's fragments, line for line.</summary>
    internal sealed class ObjectFragments : IFragments
    {
        private readonly bool slots;
        private readonly float slot;
        private readonly float gloss;
        private readonly Vector3 colour;
        private readonly Vector3 half;
        private readonly Vector3 light;
        private readonly Vector4 shading;

        private ObjectFragments(Uniforms uniforms)
        {
            slots = uniforms["_GymSlots"].X > 0.5f;
            slot = uniforms["_Slot"].X;
            gloss = uniforms["_Gloss"].X;
            colour = uniforms["_Colour"].Xyz;
            half = uniforms["_Half"].Xyz;
            light = uniforms["_GymLight"].Xyz;
            shading = uniforms["_GymShading"];
        }

        public static IFragments Begin(Uniforms uniforms)
        {
            var only = uniforms["_GymOnlySlot"].X;
            return only > 0.5f && Math.Abs(uniforms["_Slot"].X - only) > 0.5f ? null : new ObjectFragments(uniforms);
        }

        public Vector4 Shade(Vector3 normal, Vector3 world)
        {
            if (slots)
            {
                return new Vector4(slot / 255f, Check(slot) / 255f, 0f, 1f);
            }
            normal = normal.normalized;
            var brightness = shading.X + (shading.Y * Mathf.Clamp(Geometry.Dot(normal, light), 0f, 1f));
            var glint = gloss * (float)Math.Pow(Mathf.Clamp(Geometry.Dot(normal, half), 0f, 1f), 16.0);
            var seen = (colour * brightness) + (Vector3.one * glint);
            // What is above 1 the target cuts off.
            return new Vector4(seen.x, seen.y, seen.z, 1f);
        }

        private static float Check(float number)
        {
            var square = 37f * number * number;
            return 128f + square - (127f * (float)Math.Floor((square + 0.5f) / 127f));
        }
    }

    /// <summary>Plain.shader's fragments (Samples~/BallOnTray), line for line.</summary>
    internal sealed class PlainFragments : IFragments
    {
        private readonly Vector3 colour;

        private PlainFragments(Vector3 colour) => this.colour = colour;

        public static IFragments Begin(Uniforms uniforms) => new PlainFragments(uniforms["_Colour"].Xyz);

        public Vector4 Shade(Vector3 normal, Vector3 world)
        {
            var lit = Mathf.Clamp(Geometry.Dot(normal.normalized, new Vector3(0.36f, 0.8f, -0.48f)), 0f, 1f);
            var seen = colour * (0.5f + (0.5f * lit));
            return new Vector4(seen.x, seen.y, seen.z, 1f);
        }
    }

    /// <summary>Rls3Room.shader's fragments, line for line.</summary>
    internal sealed class RoomFragments : IFragments
    {
        private const float Far = 1e9f;

        private readonly bool slots;
        private readonly Vector3 colour;
        private readonly Vector4 pattern;
        private readonly Vector4 low;
        private readonly Vector4 high;
        private readonly float part;
        private readonly Vector3 light;
        private readonly Vector4 shading;
        private readonly Vector4 room;
        private readonly Vector4[] boxLow;
        private readonly Vector4[] boxHigh;
        private readonly Vector4 eye;
        private readonly Vector3 forward;
        private readonly Vector3 right;
        private readonly Vector3 up;
        private readonly Vector4 sampling;
        private readonly Vector4[] shadows;
        private readonly Vector4[] shadowEnds;
        private readonly Dictionary<(int Left, int Top, int Part, int Facing), float> known = new Dictionary<(int Left, int Top, int Part, int Facing), float>();

        private RoomFragments(Uniforms uniforms)
        {
            slots = uniforms["_GymSlots"].X > 0.5f;
            colour = uniforms["_Colour"].Xyz;
            pattern = uniforms["_Pattern"];
            low = uniforms["_Low"];
            high = uniforms["_High"];
            part = uniforms["_Part"].X;
            light = Flip(uniforms["_GymLight"].Xyz);
            shading = uniforms["_GymShading"];
            room = uniforms["_GymRoom"];
            boxLow = uniforms.Array("_GymBoxLow");
            boxHigh = uniforms.Array("_GymBoxHigh");
            eye = uniforms["_GymEye"];
            forward = uniforms["_GymForward"].Xyz;
            right = uniforms["_GymRight"].Xyz;
            up = uniforms["_GymUp"].Xyz;
            sampling = uniforms["_GymSampling"];
            shadows = uniforms.Array("_GymShadow");
            shadowEnds = uniforms.Array("_GymShadowEnd");
        }

        public static IFragments Begin(Uniforms uniforms) => uniforms["_GymOnlySlot"].X > 0.5f ? null : new RoomFragments(uniforms);

        public Vector4 Shade(Vector3 turned, Vector3 world)
        {
            if (slots)
            {
                return new Vector4(0f, 0f, 0f, 1f);
            }
            var normal = Flip(turned.normalized);
            var at = Flip(world) * 1000f;
            var bright = Light(normal, at) * PatternOn(normal, at) * EdgeOn(normal, at);
            var shade = ContactShadows(at);
            return new Vector4(Saturate(colour.x * bright) * shade, Saturate(colour.y * bright) * shade, Saturate(colour.z * bright) * shade, 1f);
        }

        private static Vector3 Flip(Vector3 v) => new Vector3(v.x, v.y, -v.z);

        private static float Saturate(float value) => Mathf.Clamp(value, 0f, 1f);

        private static float Floor(float value) => (float)Math.Floor(value);

        private static float Hash(float x, float y)
        {
            unchecked
            {
                var word = ((uint)(int)x * 0x27d4eb2du) ^ ((uint)(int)y * 0x165667b1u);
                word = (word ^ (word >> 15)) * 0x2c1b3c6du;
                word = (word ^ (word >> 12)) * 0x297a2d39u;
                return (word ^ (word >> 15)) / 4294967296f;
            }
        }

        private static float Between(float a, float b, float share) => a + ((b - a) * share);

        private static float SmoothNoise(float x, float y)
        {
            var column = Floor(x);
            var row = Floor(y);
            var fx = x - column;
            var fy = y - row;
            var u = fx * fx * (3f - (2f * fx));
            var v = fy * fy * (3f - (2f * fy));
            var top = Between(Hash(column, row), Hash(column + 1f, row), u);
            var bottom = Between(Hash(column, row + 1f), Hash(column + 1f, row + 1f), u);
            return Between(top, bottom, v);
        }

        private static float ToLine(float value, float period)
        {
            var rest = value - (Floor(value / period) * period);
            return Math.Min(rest, period - rest);
        }

        private static bool Even(float number) => number - (2f * Floor(number / 2f)) < 0.5f;

        private float Deviation(float width, float run, float a, float b)
        {
            switch ((int)(pattern.X + 0.5f))
            {
                case 1: // planks
                    var row = Floor(a / width);
                    var shifted = b + (Hash(row, 7f) * run);
                    var board = Floor(shifted / run);
                    var seam = Math.Min(ToLine(a, width), ToLine(shifted, run)) < 3f ? -0.22f : 0f;
                    return seam + (0.16f * (Hash(row, board) - 0.5f)) + (0.1f * (SmoothNoise(a / 9f, (b / 160f) + (board * 9f)) - 0.5f));
                case 2: // tiles
                    var grout = Math.Min(ToLine(a, width), ToLine(b, run)) < 5f ? -0.16f : 0f;
                    return grout + (0.07f * (Hash(Floor(a / width), Floor(b / run)) - 0.5f));
                case 3: // checker
                    return Even(Floor(a / width) + Floor(b / run)) ? 0.09f : -0.09f;
                case 4: // wood
                    return (0.14f * (SmoothNoise(a / width, b / run) - 0.5f)) + (0.1f * (SmoothNoise(4f * a / width, b / run) - 0.5f));
                case 5: // weave
                    var thread = Even(Floor(2f * a / width) + Floor(2f * b / run)) ? 0.025f : -0.025f;
                    return (0.1f * (SmoothNoise(a / width, b / run) - 0.5f)) + thread;
                case 6: // stripes
                    return Even(Floor(a / width)) ? 0.05f : -0.05f;
                case 7: // panels
                    var edge = Math.Min(ToLine(a, width), ToLine(b, run));
                    return edge < 4f ? -0.35f : edge > 26f && edge < 34f ? -0.14f : 0f;
                default:
                    return 0f;
            }
        }

        private float PatternOn(Vector3 normal, Vector3 at)
        {
            var deviation = Math.Abs(normal.y) > 0.7f ? Deviation(pattern.Y, pattern.Z, at.x, at.z)
                : Math.Abs(normal.x) > 0.7f ? Deviation(pattern.Y, pattern.Z, at.z, at.y)
                : Deviation(pattern.Y, pattern.Z, at.x, at.y);
            return 1f + (pattern.W * deviation);
        }

        private float EdgeOn(Vector3 normal, Vector3 at)
        {
            if (low.W < 0.5f)
            {
                return 1f;
            }
            var width = 0.0045f * room.X;
            var x = Math.Abs(normal.x) > 0.7f ? width : Math.Min(at.x - low.X, high.X - at.x);
            var y = Math.Abs(normal.y) > 0.7f ? width : Math.Min(at.y - low.Y, high.Y - at.y);
            var z = Math.Abs(normal.z) > 0.7f ? width : Math.Min(at.z - low.Z, high.Z - at.z);
            return Math.Min(x, Math.Min(y, z)) < width ? 1.1f : 1f;
        }

        private bool Within(Vector3 normal, Vector3 at)
        {
            var x = low.W < 0.5f ? Math.Max((-room.X / 2f) - at.x, at.x - (room.X / 2f)) : Math.Max(low.X - at.x, at.x - high.X);
            var y = low.W < 0.5f ? Math.Max(-at.y, at.y - room.Y) : Math.Max(low.Y - at.y, at.y - high.Y);
            var z = low.W < 0.5f ? Math.Max((-room.Z / 2f) - at.z, at.z - (room.Z / 2f)) : Math.Max(low.Z - at.z, at.z - high.Z);
            return (Math.Abs(normal.x) > 0.7f || x <= 0f) && (Math.Abs(normal.y) > 0.7f || y <= 0f) && (Math.Abs(normal.z) > 0.7f || z <= 0f);
        }

        // The fragments of a pixel have one light on a surface: it is worked out for the first of them, and kept for the others.
        private float Light(Vector3 normal, Vector3 at)
        {
            var (spot, place) = LitAt(normal, at);
            if (known.TryGetValue(place, out var bright))
            {
                return bright;
            }
            var start = spot + (2f * normal);
            var facing = Geometry.Dot(normal, light);
            var direct = facing > 0f ? facing * LampShare(start) : 0f;
            var ambient = 1f - (0.75f * Closeness(start, normal));
            bright = (shading.X * ambient) + (shading.Y * direct);
            if (place.Part >= 0)
            {
                known[place] = bright;
            }
            return bright;
        }

        private (Vector3 Spot, (int Left, int Top, int Part, int Facing) Place) LitAt(Vector3 normal, Vector3 at)
        {
            var side = (int)(sampling.X + 0.5f);
            var pixels = sampling.Y;
            var ray = at - eye.Xyz;
            var toPlane = Geometry.Dot(normal, ray);
            var reach = Geometry.Dot(ray, forward) * Geometry.Dot(right, right);
            var left = Floor((0.5f + (0.5f * Geometry.Dot(ray, right) / reach)) * pixels);
            var top = Floor((0.5f - (0.5f * Geometry.Dot(ray, up) / reach)) * pixels);
            for (var part = 0; part < side * side; part++)
            {
                var x = (2f * (left + (((part % side) + 0.5f) / side)) / pixels) - 1f;
                var y = (2f * (top + (((part / side) + 0.5f) / side)) / pixels) - 1f;
                var sight = forward + (x * right) + (-y * up);
                var along = toPlane / Divisor(Geometry.Dot(normal, sight));
                var spot = eye.Xyz + (along * sight);
                if (along > 0f && Within(normal, spot))
                {
                    var facing = (int)(1000f * normal.x) + (3000 * (int)(1000f * normal.y)) + (9000000 * (int)(100f * normal.z));
                    return (spot, ((int)left, (int)top, part, facing));
                }
            }
            return (at, (0, 0, -1, 0));
        }

        private static float Divisor(float part) => Math.Abs(part) < 1e-6f ? (part < 0f ? -1e-6f : 1e-6f) : part;

        private float BoxDistance(Vector3 start, Vector3 ray)
        {
            ray = new Vector3(Divisor(ray.x), Divisor(ray.y), Divisor(ray.z));
            var nearest = Far;
            var count = (int)(room.W + 0.5f);
            for (var box = 0; box < count; box++)
            {
                if (Math.Abs(box - part) < 0.5f)
                {
                    continue;
                }
                var enter = 0f;
                var leave = float.MaxValue;
                Narrow((boxLow[box].X - start.x) / ray.x, (boxHigh[box].X - start.x) / ray.x, ref enter, ref leave);
                Narrow((boxLow[box].Y - start.y) / ray.y, (boxHigh[box].Y - start.y) / ray.y, ref enter, ref leave);
                Narrow((boxLow[box].Z - start.z) / ray.z, (boxHigh[box].Z - start.z) / ray.z, ref enter, ref leave);
                nearest = enter <= leave ? Math.Min(nearest, enter) : nearest;
            }
            return nearest;
        }

        private static void Narrow(float a, float b, ref float enter, ref float leave)
        {
            enter = Math.Max(enter, Math.Min(a, b));
            leave = Math.Min(leave, Math.Max(a, b));
        }

        private float WallDistance(Vector3 start, Vector3 ray)
        {
            var nearest = Far;
            nearest = ray.y < 0f ? Math.Min(nearest, -start.y / ray.y) : nearest;
            nearest = ray.z < 0f ? Math.Min(nearest, ((-room.Z / 2f) - start.z) / ray.z) : nearest;
            nearest = ray.x < 0f ? Math.Min(nearest, ((-room.X / 2f) - start.x) / ray.x) : nearest;
            return ray.x > 0f ? Math.Min(nearest, ((room.X / 2f) - start.x) / ray.x) : nearest;
        }

        private float LampPart(Vector3 start, float across, float along) =>
            BoxDistance(start, light + new Vector3((across * 0.065f) - 0.13f, 0f, (along * 0.065f) - 0.13f)) < Far ? 0f : 1f;

        private float LampShare(Vector3 start)
        {
            var corners = LampPart(start, 0f, 0f) + LampPart(start, 4f, 0f) + LampPart(start, 0f, 4f) + LampPart(start, 4f, 4f);
            if (corners < 0.5f || corners > 3.5f)
            {
                return corners / 4f;
            }
            var seen = 0f;
            for (var lamp = 0; lamp < 25; lamp++)
            {
                seen += LampPart(start, lamp / 5, lamp % 5);
            }
            return seen / 25f;
        }

        private float Closeness(Vector3 start, Vector3 normal)
        {
            var side = Math.Abs(normal.y) > 0.7f ? new Vector3(1f, 0f, 0f) : Vector3.up;
            var first = Geometry.Cross(normal, side).normalized;
            var second = Geometry.Cross(normal, first).normalized;
            var reach = 0.16f * room.X;
            var sum = 0f;
            for (var feeler = 0; feeler < 6; feeler++)
            {
                var a = feeler == 0 ? 1f : feeler == 3 ? -1f : feeler == 1 || feeler == 5 ? 0.5f : -0.5f;
                var b = feeler == 0 || feeler == 3 ? 0f : feeler < 3 ? 0.866f : -0.866f;
                var ray = ((normal * 0.7f) + (first * a) + (second * b)).normalized;
                var share = Saturate(1f - (Math.Min(WallDistance(start, ray), BoxDistance(start, ray)) / reach));
                sum += share * share;
            }
            return sum / 6f;
        }

        private float ContactShadows(Vector3 at)
        {
            var shade = 1f;
            var depth = Geometry.Dot(at - eye.Xyz, forward);
            var count = (int)(eye.W + 0.5f);
            for (var shadow = 0; shadow < count; shadow++)
            {
                var under = shadows[shadow];
                var reach = (under.Y - eye.Y) / (at.y - eye.Y);
                if (!(reach > 0f) || Math.Abs(depth - (reach * depth)) > 12f)
                {
                    continue;
                }
                var wayX = eye.X + (reach * (at.x - eye.X)) - under.X;
                var wayZ = eye.Z + (reach * (at.z - eye.Z)) - under.Z;
                var endX = shadowEnds[shadow].X;
                var endZ = shadowEnds[shadow].Y;
                var along = Saturate(((wayX * endX) + (wayZ * endZ)) / ((endX * endX) + (endZ * endZ) + 1e-6f));
                var offX = wayX - (along * endX);
                var offZ = wayZ - (along * endZ);
                var away = ((offX * offX) + (offZ * offZ)) / (under.W * under.W);
                shade *= away < 1f ? 1f - (shading.Z * (1f - (0.75f * along)) * Math.Min(1f, 1.8f * (1f - away))) : 1f;
            }
            return shade;
        }
    }
}
