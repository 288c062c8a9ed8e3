using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck.Xunit;
using Rls3.Gym.Core;
using Xunit;

namespace Rls3.Gym.Tests;

public class JsonReaderTests
{
    [Property]
    public bool Reads_any_string_and_number_as_the_platform_writes_it(string? text, double number, bool truth)
    {
        var finite = double.IsFinite(number) ? number : 0;
        var written = new JsonObject { ["text"] = text, ["list"] = new JsonArray(finite, truth, null) }.ToJsonString();
        var read = JsonReader.Parse(written);
        // Lone surrogates are replaced when text is written.
        var expected = JsonDocument.Parse(written).RootElement.GetProperty("text").GetString();
        var list = read.Get("list")!.Items;
        return (text == null ? read.Get("text")!.IsNil : read.Get("text")!.Text == expected)
            && list[0].Number.Equals(finite) && list[1].Boolean == truth && list[2].IsNil;
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[1,]")]
    [InlineData("{\"a\" 1}")]
    [InlineData("01")]
    [InlineData("1.")]
    [InlineData("\"\\x\"")]
    [InlineData("\"\\u12g4\"")]
    [InlineData("nul")]
    [InlineData("1 2")]
    [InlineData("\"open")]
    public void Refuses_what_is_no_json_and_names_the_place(string text)
    {
        var error = Assert.Throws<FormatException>(() => JsonReader.Parse(text));
        Assert.Matches("^line 1, column [0-9]+: ", error.Message);
    }

    [Fact]
    public void Refuses_nesting_that_would_take_the_stack()
    {
        Assert.Throws<FormatException>(() => JsonReader.Parse(new string('[', 100_000)));
    }
}
