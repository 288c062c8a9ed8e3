// The contact shadow under an object: darkens what it lies on. Not drawn in the segmentation pass.
Shader "RLS3/ContactShadow"
{
    Properties
    {
        _Darkness ("What is left of the light", Range(0, 1)) = 0.6
    }
    SubShader
    {
        Tags { "RenderType" = "Transparent" "Queue" = "Transparent" }
        Pass
        {
            Cull Back
            ZWrite Off
            Offset -1, -1
            Blend DstColor Zero
            HLSLPROGRAM
            #pragma vertex vert
            #pragma fragment frag
            #include "UnityCG.cginc"

            float _Darkness;
            float _GymSlots;
            float _GymOnlySlot;

            float4 vert(float4 position : POSITION) : SV_POSITION { return UnityObjectToClipPos(position); }

            float4 frag() : SV_Target
            {
                if (_GymSlots > 0.5 || _GymOnlySlot > 0.5) discard;
                return float4(_Darkness, _Darkness, _Darkness, 1);
            }
            ENDHLSL
        }
    }
}
