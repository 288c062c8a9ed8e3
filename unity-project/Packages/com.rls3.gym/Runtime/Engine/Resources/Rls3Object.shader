// An object of a layout: Lambert shading by the catalog's one light and its glint, as the trainer's own renderer shades, or the
// slot's number for the segmentation pass. No LightMode tag: the built-in pipeline and URP (2022.3 and Unity 6) draw such a pass.
Shader "RLS3/Object"
{
    Properties
    {
        _Colour ("Colour as it is seen", Vector) = (1, 1, 1, 1)
        _Gloss ("How much of the lamp it mirrors", Float) = 0
        _Slot ("Slot + 1", Float) = 0
        _Half ("Half way between lamp and camera", Vector) = (0, 1, 0, 0)
    }
    SubShader
    {
        Tags { "RenderType" = "Opaque" "Queue" = "Geometry" }
        HLSLINCLUDE
        #include "UnityCG.cginc"

        float4 _Colour;
        float4 _Half;
        float _Gloss;
        float _Slot;
        // Set for all materials by CameraSensor and GymRoom before they render.
        float4 _GymLight;      // direction towards the light
        float4 _GymShading;    // ambient, diffuse, contact shadow, 0
        float _GymSlots;       // 1: the segmentation pass
        float _GymOnlySlot;    // above 0: nothing but this slot is drawn

        struct Vertex { float4 position : POSITION; float3 normal : NORMAL; };
        struct Fragment { float4 position : SV_POSITION; float3 normal : TEXCOORD0; };

        Fragment vert(Vertex v)
        {
            Fragment f;
            f.position = UnityObjectToClipPos(v.position);
            f.normal = UnityObjectToWorldNormal(v.normal);
            return f;
        }

        // What goes with a number in the segmentation (CameraSensor.Checks): a mixture of two numbers has the check of neither.
        float check(float number)
        {
            float square = 37.0 * number * number;
            return 128.0 + square - 127.0 * floor((square + 0.5) / 127.0);
        }

        // The pass of one slot alone draws no other, in neither of the passes below.
        void discardOthers() { if (_GymOnlySlot > 0.5 && abs(_Slot - _GymOnlySlot) > 0.5) discard; }

        float4 depth(Fragment f) : SV_Target
        {
            discardOthers();
            return 0;
        }
        ENDHLSL
        Pass
        {
            Cull Back
            HLSLPROGRAM
            #pragma vertex vert
            #pragma fragment frag
            // The Editor's stand-in for a shader that is not compiled yet is never in a picture.
            #pragma editor_sync_compilation

            float4 frag(Fragment f) : SV_Target
            {
                discardOthers();
                if (_GymSlots > 0.5) return float4(_Slot, check(_Slot), 0, 255) / 255.0;
                float3 normal = normalize(f.normal);
                float brightness = _GymShading.x + _GymShading.y * saturate(dot(normal, _GymLight.xyz));
                float glint = _Gloss * pow(saturate(dot(normal, _Half.xyz)), 16.0);
                return float4(saturate(_Colour.rgb * brightness + glint), 1);
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
            #pragma vertex vert
            #pragma fragment depth
            #pragma editor_sync_compilation
            ENDHLSL
        }
    }
}
