// A surface of the room: pattern, worn edges, soft shadows of the furniture, corners that less light reaches, and the contact
// shadows of the objects, as the trainer's own renderer draws them (trainer/rooms/render). Lengths are millimetres of the world's
// frame, whose z is Unity's negated; the room stands at the origin. Nothing of it is in the segmentation pass but its depth.
Shader "RLS3/Room"
{
    Properties
    {
        _Colour ("Colour as it is seen", Vector) = (1, 1, 1, 1)
        _Pattern ("Kind, width, length, contrast", Vector) = (0, 1, 1, 1)
        _Low ("Lower corner of a box, 1 where it has edges", Vector) = (0, 0, 0, 0)
        _High ("Upper corner of a box", Vector) = (0, 0, 0, 0)
        _Part ("Index of the furniture that it is part of, or -1", Float) = -1
    }
    SubShader
    {
        Tags { "RenderType" = "Opaque" "Queue" = "Geometry" }
        HLSLINCLUDE
        #include "UnityCG.cginc"

        // As many as GymRoom sets.
        #define BOXES 32
        #define SHADOWS 16

        float4 _Colour;
        float4 _Pattern;
        float4 _Low;
        float4 _High;
        float _Part;
        // Set for all materials by CameraSensor and GymRoom before they render.
        float4 _GymLight;                // direction towards the light
        float4 _GymShading;              // ambient, diffuse, strength of contact shadows, 0
        float4 _GymRoom;                 // size of the room, number of boxes
        float4 _GymBoxLow[BOXES];
        float4 _GymBoxHigh[BOXES];
        float4 _GymEye;                  // the camera, number of contact shadows
        float4 _GymForward;              // where it looks
        float4 _GymRight;                // to its right, of the length of the tangent of half its field of view
        float4 _GymUp;                   // and up
        float4 _GymSampling;             // samples a side of each pixel, pixels a side of the picture; 0: no picture of a sensor
        float4 _GymShadow[SHADOWS];      // middle of the base, radius
        float4 _GymShadowEnd[SHADOWS];   // from there to the end of the shadow: x, z
        float _GymSlots;                 // 1: the segmentation pass
        float _GymOnlySlot;              // above 0: nothing but this slot is drawn

        struct Vertex { float4 position : POSITION; float3 normal : NORMAL; };
        struct Fragment { float4 position : SV_POSITION; float3 normal : TEXCOORD0; float3 world : TEXCOORD1; };

        Fragment vert(Vertex v)
        {
            Fragment f;
            f.position = UnityObjectToClipPos(v.position);
            f.normal = UnityObjectToWorldNormal(v.normal);
            f.world = mul(unity_ObjectToWorld, v.position).xyz;
            return f;
        }

        // The pass of one slot alone has no room, in neither of the passes below.
        void discardRoom() { if (_GymOnlySlot > 0.5) discard; }

        float4 depth(Fragment f) : SV_Target
        {
            discardRoom();
            return 0;
        }
        ENDHLSL
        Pass
        {
            Cull Back
            HLSLPROGRAM
            #pragma target 3.5
            #pragma vertex vert
            #pragma fragment frag
            // The Editor's stand-in for a shader that is not compiled yet is never in a picture.
            #pragma editor_sync_compilation

            // 0 to 1 from two whole numbers.
            float hash(float x, float y)
            {
                uint word = (uint(int(x)) * 0x27d4eb2du) ^ (uint(int(y)) * 0x165667b1u);
                word = (word ^ (word >> 15)) * 0x2c1b3c6du;
                word = (word ^ (word >> 12)) * 0x297a2d39u;
                return float(word ^ (word >> 15)) / 4294967296.0;
            }

            float smoothNoise(float x, float y)
            {
                float column = floor(x);
                float row = floor(y);
                float fx = x - column;
                float fy = y - row;
                float u = fx * fx * (3.0 - 2.0 * fx);
                float v = fy * fy * (3.0 - 2.0 * fy);
                float top = lerp(hash(column, row), hash(column + 1.0, row), u);
                float bottom = lerp(hash(column, row + 1.0), hash(column + 1.0, row + 1.0), u);
                return lerp(top, bottom, v);
            }

            float toLine(float value, float period)
            {
                float rest = value - floor(value / period) * period;
                return min(rest, period - rest);
            }

            float even(float number) { return number - 2.0 * floor(number / 2.0) < 0.5 ? 1.0 : 0.0; }

            float deviation(float width, float run, float a, float b)
            {
                int kind = int(_Pattern.x + 0.5);
                if (kind == 1) // planks
                {
                    float row = floor(a / width);
                    float shifted = b + hash(row, 7.0) * run;
                    float board = floor(shifted / run);
                    float seam = min(toLine(a, width), toLine(shifted, run)) < 3.0 ? -0.22 : 0.0;
                    return seam + 0.16 * (hash(row, board) - 0.5) + 0.1 * (smoothNoise(a / 9.0, b / 160.0 + board * 9.0) - 0.5);
                }
                if (kind == 2) // tiles
                {
                    float grout = min(toLine(a, width), toLine(b, run)) < 5.0 ? -0.16 : 0.0;
                    return grout + 0.07 * (hash(floor(a / width), floor(b / run)) - 0.5);
                }
                if (kind == 3) return even(floor(a / width) + floor(b / run)) > 0.5 ? 0.09 : -0.09; // checker
                if (kind == 4) // wood
                {
                    return 0.14 * (smoothNoise(a / width, b / run) - 0.5) + 0.1 * (smoothNoise(4.0 * a / width, b / run) - 0.5);
                }
                if (kind == 5) // weave
                {
                    float thread = even(floor(2.0 * a / width) + floor(2.0 * b / run)) > 0.5 ? 0.025 : -0.025;
                    return 0.1 * (smoothNoise(a / width, b / run) - 0.5) + thread;
                }
                if (kind == 6) return even(floor(a / width)) > 0.5 ? 0.05 : -0.05; // stripes
                if (kind == 7) // panels
                {
                    float edge = min(toLine(a, width), toLine(b, run));
                    return edge < 4.0 ? -0.35 : edge > 26.0 && edge < 34.0 ? -0.14 : 0.0;
                }
                return 0.0;
            }

            float patternOn(float3 normal, float3 at)
            {
                float2 along = abs(normal.y) > 0.7 ? at.xz : abs(normal.x) > 0.7 ? at.zy : at.xy;
                return 1.0 + _Pattern.w * deviation(_Pattern.y, _Pattern.z, along.x, along.y);
            }

            float edgeOn(float3 normal, float3 at)
            {
                if (_Low.w < 0.5) return 1.0;
                float width = 0.0045 * _GymRoom.x;
                float3 inset = min(at - _Low.xyz, _High.xyz - at);
                if (abs(normal.x) > 0.7) inset.x = width;
                if (abs(normal.y) > 0.7) inset.y = width;
                if (abs(normal.z) > 0.7) inset.z = width;
                return min(inset.x, min(inset.y, inset.z)) < width ? 1.1 : 1.0;
            }

            // What may be divided by: a ray along a wall has a part of exactly 0, and 0 times infinity is no number.
            float divisor(float part) { return abs(part) < 1e-6 ? (part < 0.0 ? -1e-6 : 1e-6) : part; }

            // How far along the ray it enters the nearest box of another piece of furniture, in its lengths; 1e9 if it does not.
            float boxDistance(float3 start, float3 ray)
            {
                float nearest = 1e9;
                float3 inverse = 1.0 / float3(divisor(ray.x), divisor(ray.y), divisor(ray.z));
                [loop] for (int box = 0; box < int(_GymRoom.w + 0.5); box++)
                {
                    if (abs(box - _Part) < 0.5) continue;
                    float3 a = (_GymBoxLow[box].xyz - start) * inverse;
                    float3 b = (_GymBoxHigh[box].xyz - start) * inverse;
                    float3 low = min(a, b);
                    float3 high = max(a, b);
                    float enter = max(max(low.x, low.y), max(low.z, 0.0));
                    float leave = min(high.x, min(high.y, high.z));
                    if (enter <= leave) nearest = min(nearest, enter);
                }
                return nearest;
            }

            float wallDistance(float3 start, float3 ray)
            {
                float nearest = 1e9;
                if (ray.y < 0.0) nearest = min(nearest, -start.y / ray.y);
                if (ray.z < 0.0) nearest = min(nearest, (-_GymRoom.z / 2.0 - start.z) / ray.z);
                if (ray.x < 0.0) nearest = min(nearest, (-_GymRoom.x / 2.0 - start.x) / ray.x);
                if (ray.x > 0.0) nearest = min(nearest, (_GymRoom.x / 2.0 - start.x) / ray.x);
                return nearest;
            }

            // The lamp is a square patch of five parts a side: 1 if that part of it is seen.
            float lampPart(float3 light, float3 start, float across, float along)
            {
                return boxDistance(start, light + float3(across * 0.065 - 0.13, 0.0, along * 0.065 - 0.13)) < 1e9 ? 0.0 : 1.0;
            }

            float lampShare(float3 light, float3 start)
            {
                float corners = lampPart(light, start, 0.0, 0.0) + lampPart(light, start, 4.0, 0.0) + lampPart(light, start, 0.0, 4.0) + lampPart(light, start, 4.0, 4.0);
                if (corners < 0.5 || corners > 3.5) return corners / 4.0;
                float seen = 0.0;
                [loop] for (int part = 0; part < 25; part++) seen += lampPart(light, start, float(part / 5), float(part % 5));
                return seen / 25.0;
            }

            // 0 in the open, towards 1 in a corner: felt for in six directions around the normal.
            float closeness(float3 start, float3 normal)
            {
                float3 side = abs(normal.y) > 0.7 ? float3(1, 0, 0) : float3(0, 1, 0);
                float3 first = normalize(cross(normal, side));
                float3 second = normalize(cross(normal, first));
                float reach = 0.16 * _GymRoom.x;
                float sum = 0.0;
                [loop] for (int feeler = 0; feeler < 6; feeler++)
                {
                    float a = feeler == 0 ? 1.0 : feeler == 3 ? -1.0 : feeler == 1 || feeler == 5 ? 0.5 : -0.5;
                    float b = feeler == 0 || feeler == 3 ? 0.0 : feeler < 3 ? 0.866 : -0.866;
                    float3 ray = normalize(normal * 0.7 + first * a + second * b);
                    float share = saturate(1.0 - min(wallDistance(start, ray), boxDistance(start, ray)) / reach);
                    sum += share * share;
                }
                return sum / 6.0;
            }

            // What the objects' contact shadows leave of the light: most is gone under them, less where it falls away from the lamp.
            float contactShadows(float3 at)
            {
                float shade = 1.0;
                float depth = dot(at - _GymEye.xyz, _GymForward.xyz);
                [loop] for (int shadow = 0; shadow < int(_GymEye.w + 0.5); shadow++)
                {
                    float4 base = _GymShadow[shadow];
                    // Where the line of sight meets the plane under the object; only what is within 12 mm of it takes the shadow.
                    float reach = (base.y - _GymEye.y) / (at.y - _GymEye.y);
                    if (!(reach > 0.0) || abs(depth - reach * depth) > 12.0) continue;
                    float2 way = _GymEye.xz + reach * (at.xz - _GymEye.xz) - base.xz;
                    float2 end = _GymShadowEnd[shadow].xy;
                    float along = saturate(dot(way, end) / (dot(end, end) + 1e-6));
                    float2 off = way - along * end;
                    float away = dot(off, off) / (base.w * base.w);
                    if (away < 1.0) shade *= 1.0 - _GymShading.z * (1.0 - 0.75 * along) * min(1.0, 1.8 * (1.0 - away));
                }
                return shade;
            }

            // Whether a point of this surface's plane is on the face: of its box, or else of a wall or the floor.
            bool within(float3 normal, float3 at)
            {
                float3 low = _Low.w < 0.5 ? float3(-_GymRoom.x / 2.0, 0.0, -_GymRoom.z / 2.0) : _Low.xyz;
                float3 high = _Low.w < 0.5 ? float3(_GymRoom.x / 2.0, _GymRoom.y, _GymRoom.z / 2.0) : _High.xyz;
                float3 outside = max(low - at, at - high);
                if (abs(normal.x) > 0.7) outside.x = -1.0;
                if (abs(normal.y) > 0.7) outside.y = -1.0;
                if (abs(normal.z) > 0.7) outside.z = -1.0;
                return max(outside.x, max(outside.y, outside.z)) <= 0.0;
            }

            // Where a pixel's light on this surface is worked out, as the trainer's renderer does: at the first of its samples, row by
            // row from the top, whose line of sight meets the surface.
            float3 litAt(float3 normal, float3 at)
            {
                uint side = uint(_GymSampling.x + 0.5);
                float pixels = _GymSampling.y;
                float3 ray = at - _GymEye.xyz;
                float toPlane = dot(normal, ray);
                float reach = dot(ray, _GymForward.xyz) * dot(_GymRight.xyz, _GymRight.xyz);
                float2 seen = float2(dot(ray, _GymRight.xyz), -dot(ray, _GymUp.xyz)) / reach;
                float2 corner = floor((0.5 + 0.5 * seen) * pixels);
                [loop] for (uint part = 0u; part < side * side; part++)
                {
                    float2 offset = (float2(float(part % side), float(part / side)) + 0.5) / float(side);
                    float2 place = 2.0 * (corner + offset) / pixels - 1.0;
                    float3 sight = _GymForward.xyz + place.x * _GymRight.xyz - place.y * _GymUp.xyz;
                    float along = toPlane / divisor(dot(normal, sight));
                    float3 spot = _GymEye.xyz + along * sight;
                    if (along > 0.0 && within(normal, spot)) return spot;
                }
                return at;
            }

            float4 frag(Fragment f) : SV_Target
            {
                discardRoom();
                if (_GymSlots > 0.5) return float4(0, 0, 0, 1);
                float3 flip = float3(1, 1, -1);
                float3 normal = normalize(f.normal) * flip;
                float3 at = f.world * flip * 1000.0;
                float3 light = _GymLight.xyz * flip;
                float3 start = litAt(normal, at) + 2.0 * normal;
                float facing = dot(normal, light);
                float direct = facing > 0.0 ? facing * lampShare(light, start) : 0.0;
                float ambient = 1.0 - 0.75 * closeness(start, normal);
                float bright = (_GymShading.x * ambient + _GymShading.y * direct) * patternOn(normal, at) * edgeOn(normal, at);
                return float4(saturate(_Colour.rgb * bright) * contactShadows(at), 1);
            }
            ENDHLSL
        }
        // URP draws depth first where Depth Priming or another pass asks for it, and then only what is exactly there.
        Pass
        {
            Tags { "LightMode" = "DepthOnly" }
            Cull Back
            ColorMask 0
            HLSLPROGRAM
            #pragma target 3.5
            #pragma vertex vert
            #pragma fragment depth
            #pragma editor_sync_compilation
            ENDHLSL
        }
    }
}
