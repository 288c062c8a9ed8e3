// One colour, lit from above: it looks the same in the built-in pipeline and in URP, and in a project in Gamma or in Linear.
Shader "RLS3/Samples/Plain"
{
    Properties
    {
        _Colour ("Colour as it is seen", Vector) = (1, 1, 1, 1)
    }
    SubShader
    {
        Tags { "RenderType" = "Opaque" "Queue" = "Geometry" }
        HLSLINCLUDE
        #include "UnityCG.cginc"

        float4 _Colour;

        struct Vertex { float4 position : POSITION; float3 normal : NORMAL; };
        struct Fragment { float4 position : SV_POSITION; float3 normal : TEXCOORD0; };

        Fragment vert(Vertex v)
        {
            Fragment f;
            f.position = UnityObjectToClipPos(v.position);
            f.normal = UnityObjectToWorldNormal(v.normal);
            return f;
        }

        float4 depth(Fragment f) : SV_Target { return 0; }
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
                float lit = saturate(dot(normalize(f.normal), float3(0.36, 0.8, -0.48)));
                return float4(saturate(_Colour.rgb * (0.5 + 0.5 * lit)), 1);
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
