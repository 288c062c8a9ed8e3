using Rls3.Gym.Core;
using Xunit;

namespace Rls3.Gym.Tests;

public class CatalogTests
{
    public static TheoryData<string> Worlds => [.. Repository.Worlds()];

    [Theory]
    [MemberData(nameof(Worlds))]
    public void Each_world_that_ships_is_read_and_can_be_reset_in_every_scene(string name)
    {
        var catalog = Repository.Catalog(name);
        var world = new RoomWorld(catalog, 0);
        foreach (var scene in catalog.Scenes)
        {
            world.Reset(scene.Index, scene);
            Assert.Same(scene, world.Scene);
            Assert.All(world.Seen.ToArray(), seen => Assert.False(Visibility.IsHidden(catalog, seen)));
        }
    }

    [Theory]
    [InlineData("\"yawSteps\": 1", "\"yawSteps\": 5", "/rules/yawSteps must divide 24")]
    [InlineData("\"yawSteps\": 1", "\"yawSteps\": \"one\"", "/rules/yawSteps must be a whole number from 1 to 24")]
    [InlineData("\"x\": [-860, 860]", "\"x\": [860, -860]", "/rules/placementRange/x must grow")]
    [InlineData("\"size\": [425, 325, 250]", "\"size\": [425, 325]", "/objects/0/collision/size must be [x, y, z]")]
    [InlineData("\"size\": [425, 325, 250]", "\"size\": [425, 325, 0]", "/objects/0/collision/size/2 must be a whole number from 1 to 5000")]
    [InlineData("\"activeObjects\": 3", "\"activeObjects\": 9", "/objects must be more than the 9 active ones")]
    [InlineData("\"x\": [-1000, -100]", "\"x\": [-1001, -100]", "/scenes/0/furniture/0/x must lie in the room")]
    [InlineData("\"target\": [0, 450, -100]", "\"target\": [150, 450, 2550]", "/scenes/0/camera must not look straight up or down")]
    [InlineData("\"stacking\": false", "\"stacked\": false", "/rules/stacking is missing")]
    public void Says_which_place_of_a_catalog_is_wrong_and_how(string right, string wrong, string message)
    {
        var text = File.ReadAllText(Repository.CatalogFile("rooms"));
        var place = text.IndexOf(right, StringComparison.Ordinal);
        Assert.True(place >= 0, $"the catalog has no {right} any more");
        var spoiled = string.Concat(text.AsSpan(0, place), wrong, text.AsSpan(place + right.Length));
        var error = Assert.Throws<CatalogException>(() => CatalogReader.Parse(spoiled, "spoiled.json"));
        Assert.StartsWith($"spoiled.json: {message}", error.Message);
    }

    [Fact]
    public void Says_where_a_file_stops_being_json_and_which_one_is_not_there()
    {
        Assert.StartsWith("here.json is not JSON: line 1, column 3", Assert.Throws<CatalogException>(() => CatalogReader.Parse("{ x", "here.json")).Message);
        Assert.StartsWith("no catalog can be read at /nowhere.json", Assert.Throws<CatalogException>(() => CatalogReader.Load("/nowhere.json")).Message);
    }

    [Fact]
    public void The_yaw_table_is_the_catalogs()
    {
        var table = Repository.Json("unity-project", "Packages", "com.rls3.gym", "Catalog~", "yaw.json");
        Assert.Equal(YawTable.Steps, table.Get("steps")!.Number);
        Assert.Equal(YawTable.Scale, table.Get("scale")!.Number);
        for (var step = 0; step < YawTable.Steps; step++)
        {
            Assert.Equal(table.Get("cosine")!.Items[step].Number, YawTable.Cosine(step, YawTable.Steps));
            Assert.Equal(table.Get("sine")!.Items[step].Number, YawTable.Sine(step, YawTable.Steps));
        }
        Assert.Equal(YawTable.Sine(6, 24), YawTable.Sine(2, 8));
    }
}
