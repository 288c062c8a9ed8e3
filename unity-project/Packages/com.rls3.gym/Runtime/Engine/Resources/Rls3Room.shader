// Everything in a room: Lambert shading by the catalog's one light, as the trainer's own renderer shades, or the slot's number
// for the segmentation pass. No LightMode tag: the built-in pipeline and URP (2022.3 and Unity 6) both draw such a pass.
Shader "RLS3/Room"
{
    Properties
    {
        _Colour ("Colour as it is seen", Vector) = (1, 1, 1, 1)
        _Slot ("Slot + 1, 0 for the room itself", Float) = 0
    }
    SubShader
    {
        Tags { "RenderType" = "Opaque" "Queue" = "Geometry" }
        Pass
        {
            Cull Back
            HLSLPROGRAM
            #pragma vertex vert
            #pragma fragment frag
            #include "UnityCG.cginc"

            float4 _Colour;
            float _Slot;
            // Set for all materials by CameraSensor before it renders.
            float4 _GymLight;      // direction towards the light
            float4 _GymShading;    // ambient, diffuse, 0, 0
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

            float4 frag(Fragment f) : SV_Target
            {
                if (_GymOnlySlot > 0.5 && abs(_Slot - _GymOnlySlot) > 0.5) discard;
                if (_GymSlots > 0.5) return float4(_Slot / 255.0, 0, 0, 1);
                float lambert = saturate(dot(normalize(f.normal), normalize(_GymLight.xyz)));
                return float4(_Colour.rgb * (_GymShading.x + _GymShading.y * lambert), 1);
            }
            ENDHLSL
        }
    }
}
