using Rls3.Gym.Core;
using Xunit;

namespace Rls3.Gym.Tests;

public class CaptionTests
{
    [Fact]
    public void Says_what_the_reference_cases_say()
    {
        var cases = Repository.Json("test", "golden", "relations", "random.json").Items;
        Assert.True(cases.Count > 100);
        foreach (var one in cases)
        {
            var d = one.Get("d")!.Items.Select(item => item.Number).ToArray();
            Assert.Equal(one.Get("caption")!.Text, Captions.Caption(one.Get("A")!.Text, one.Get("B")!.Text, Captions.Terms(d[0], d[1], d[2])));
        }
    }

    [Fact]
    public void Ties_go_where_the_reference_has_them()
    {
        var cases = Repository.Json("test", "golden", "relations", "boundary.json").Items;
        Assert.NotEmpty(cases);
        foreach (var one in cases)
        {
            var terms = Captions.TermsOfAngles(one.Get("elevation")!.Number, one.Get("bearing")!.Number);
            Assert.Equal(one.Get("terms")!.Items.Select(item => item.Text), terms);
        }
    }

    [Fact]
    public void A_vertical_term_contradicts_the_bases_just_where_the_trainer_says_so()
    {
        var cases = Repository.Json("unity-project", "Packages", "com.rls3.gym", "Catalog~", "vectors", "captions", "bases.json").Items;
        Assert.True(cases.Count > 200);
        foreach (var one in cases)
        {
            var terms = one.Get("terms")!.Items.Select(item => item.Text).ToArray();
            var (a, b) = ((int)one.Get("baseA")!.Number, (int)one.Get("baseB")!.Number);
            Assert.Equal(one.Get("contradict")!.Boolean, Captions.ContradictBases(terms, a, b));
        }
    }

    [Theory]
    [InlineData("rooms")]
    [InlineData("tabletop")]
    public void A_room_has_the_captions_that_the_trainer_gives_it_and_lacks_those_that_are_never_asked(string name)
    {
        var world = new RoomWorld(Repository.Catalog(name), 0);
        var states = Repository.Json("unity-project", "Packages", "com.rls3.gym", "Catalog~", "vectors", "captions", name + ".json").Items;
        Assert.NotEmpty(states);
        foreach (var state in states)
        {
            var objects = state.Get("objects")!.Items.Select(item => (int)item.Number).ToArray();
            world.Restore(world.Catalog.Scenes[(int)state.Get("scene")!.Number], objects);
            Assert.Equal(state.Get("captions")!.Items.Select(item => item.Text), Captions.Of(world));
        }
    }

    [Fact]
    public void A_recorded_sample_is_taken_back_and_a_wrong_one_refused()
    {
        var world = new RoomWorld(Repository.Catalog("rooms"), 0);
        world.Reset(11, null);
        var hash = world.Hash;
        var rows = Enumerable.Range(0, 3).Select(slot => $"[{string.Join(",", world.Objects.Slice(slot * 5, 5).ToArray())}]");
        var sample = JsonReader.Parse($$"""{"scene": {{world.Scene.Index}}, "objects": [{{string.Join(",", rows)}}]}""");
        var other = new RoomWorld(world.Catalog, 1);
        other.Restore(SampleReader.Scene(world.Catalog, sample), SampleReader.Objects(world.Catalog, sample));
        Assert.Equal(hash, other.Hash);
        Assert.Equal(world.Seen.ToArray(), other.Seen.ToArray());
        Assert.Throws<FormatException>(() => SampleReader.Objects(world.Catalog, JsonReader.Parse("""{"objects": [[0, 0, 0, 0, 0]]}""")));
        Assert.Throws<ArgumentException>(() => other.Restore(world.Scene, new int[] { 99, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0 }));
    }
}
