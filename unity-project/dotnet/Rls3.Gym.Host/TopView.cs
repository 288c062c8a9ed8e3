using Rls3.Gym.Core;

namespace Rls3.Gym.Host;

/// <summary>
/// A floor plan for people who look for a mistake: furniture grey, objects by slot in red, green, blue. Its name says what it
/// is, and it never replaces a camera: this host answers a request for an image with NO_GRAPHICS.
/// </summary>
internal sealed class TopView : IRoomRenderer
{
    private const string Uid = "diagnostic_top_view";
    private const int Side = 64;

    public static TensorSpec Spec { get; } = new(Uid, DType.UInt8, [Side, Side, 3], [0.0], [255.0]);

    public bool Draws(string uid) => uid == Uid;

    public void Attach(RoomWorld world)
    {
        // Each observation brings the world it is of.
    }

    public void Observe(string uid, RoomWorld world, TensorSpan output)
    {
        for (var row = 0; row < Side; row++)
        {
            for (var column = 0; column < Side; column++)
            {
                var x = ((2 * column) + 1 - Side) * world.Scene.SizeX / (2 * Side);
                var z = ((2 * row) + 1 - Side) * world.Scene.SizeZ / (2 * Side);
                Paint(world, x, z, output.Bytes.Slice(((row * Side) + column) * 3, 3));
            }
        }
    }

    private static void Paint(RoomWorld world, int x, int z, Span<byte> pixel)
    {
        pixel.Fill(32);
        foreach (var furniture in world.Scene.Furniture)
        {
            if (furniture.Box.LiesUnder(x, z))
            {
                pixel.Fill(128);
            }
        }
        for (var slot = 0; slot * PlacementRules.Fields < world.Objects.Length; slot++)
        {
            if (PlacementRules.BoxOf(world.Catalog, world.Objects, slot).LiesUnder(x, z))
            {
                pixel[slot % 3] = 255;
            }
        }
    }
}
