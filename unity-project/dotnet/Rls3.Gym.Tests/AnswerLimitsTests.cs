using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using Xunit;

namespace Rls3.Gym.Tests;

/// <summary>Every answer can be read by every decoder, and one that never could is refused before anything is executed.</summary>
public sealed class AnswerLimitsTests
{
    private static string Code(WireValue answer) => answer.Get("code")!.Text;

    private static WireValue Ops(int count, string op) =>
        Messages.List([.. Enumerable.Range(0, count).Select(env => Messages.Map(("env", env), ("op", op)))]);

    [Theory]
    [InlineData('x')]
    [InlineData('€')]
    public void An_exception_s_text_is_cut_to_what_fits(char letter)
    {
        var definition = Scripted.Define((_, at) =>
        {
            if (at is "reset" or "dispose")
            {
                throw new InvalidOperationException(new string(letter, 100_000));
            }
        });
        var host = new EnvironmentHost(definition, new HostOptions(), new CallingThread());
        var talk = new Conversation(host);
        talk.Hello();
        var error = talk.One("reset").Get("error")!;
        Assert.Equal("ENV_CRASH", Code(error));
        foreach (var text in new[] { error.Get("message")!.Text, error.Get("detail")!.Get("reason")!.Text })
        {
            Assert.InRange(text.Length, 1900, 2001);
            Assert.EndsWith("…", text);
        }
    }

    [Fact]
    public void A_cut_parts_no_pair_of_surrogates()
    {
        var definition = Scripted.Define((_, at) =>
        {
            if (at == "configure")
            {
                throw new InvalidOperationException("x" + string.Concat(Enumerable.Repeat("😀", 5000)));
            }
        });
        using var host = new EnvironmentHost(definition, new HostOptions(), new CallingThread());
        var talk = new Conversation(host);
        talk.Hello();
        foreach (var text in new[] { talk.One("reset").Get("error")!.Get("detail")!.Get("reason")!.Text, talk.One("reset").Get("error")!.Get("message")!.Text })
        {
            Assert.EndsWith("😀…", text);
        }
    }

    [Fact]
    public void A_batch_whose_answer_has_more_values_than_a_header_may_is_refused_before_it_is_executed()
    {
        var resets = 0;
        using var host = new EnvironmentHost(Scripted.Define((_, at) => resets += at == "reset" ? 1 : 0), new HostOptions { EnvCount = 20_000 }, new CallingThread());
        var talk = new Conversation(host);
        talk.Hello();
        var answer = talk.Ask("batch", ("ops", Ops(20_000, "reset")));
        Assert.Equal("TOO_LARGE", Code(answer));
        Assert.True(answer.Get("detail")!.Get("values")!.Number > DecoderLimits.Values);
        Assert.Equal(0, resets);
        // The most that fits: 13 values, and 15 of each result.
        Assert.Equal("batch_result", talk.Ask("batch", ("ops", Ops((DecoderLimits.Values - 13) / 15, "reset"))).Get("t")!.Text);
        Assert.Equal("TOO_LARGE", Code(talk.Ask("batch", ("ops", Ops(((DecoderLimits.Values - 13) / 15) + 1, "reset")))));
    }

    [Fact]
    public void A_batch_whose_answer_fits_into_no_frame_of_the_client_is_refused_before_it_is_executed()
    {
        var resets = 0;
        using var host = new EnvironmentHost(Scripted.Define((_, at) => resets += at == "reset" ? 1 : 0), new HostOptions { EnvCount = 100 }, new CallingThread());
        var talk = new Conversation(host);
        talk.Hello(("limits", Messages.Map(("max_frame_bytes", 1024))));
        for (var count = 100; count > 0; count--)
        {
            var answer = talk.Ask("batch", ("ops", Ops(count, "reset")));
            if (answer.Get("t")!.Text == "batch_result")
            {
                Assert.Equal(count, resets);
                Assert.InRange(count, 8, 20);
                return;
            }
            Assert.Equal(("TOO_LARGE", 1024.0, 0), (Code(answer), answer.Get("detail")!.Get("limit")!.Number, resets));
        }
        Assert.Fail("no batch fits");
    }

    public static TheoryData<string, string, string> Infos => new()
    {
        { "long", "INTERNAL", "results[0].info.long: a string of 70000 bytes; at most 65536 are allowed" },
        { "deep", "INTERNAL", "results[0].info.deep" },
        { "many", "INTERNAL", "more than 200000 values" },
        { "large", "TOO_LARGE", "a header may have 4194304" },
    };

    [Theory]
    [MemberData(nameof(Infos))]
    public void An_info_that_no_decoder_may_read_is_an_error_that_says_so(string kind, string code, string message)
    {
        using var host = new EnvironmentHost(Scripted.Define((_, _) => { }, writer => Write(writer, kind)), new HostOptions(), new CallingThread());
        var talk = new Conversation(host);
        talk.Hello();
        var answer = talk.Ask("batch", ("ops", Ops(1, "reset")));
        Assert.Equal(code, Code(answer));
        Assert.Contains(message, answer.Get("message")!.Text);
        Assert.Equal("pong", talk.Ask("ping").Get("t")!.Text);
    }

    private static void Write(IWireWriter writer, string kind)
    {
        writer.BeginMap();
        writer.Key(kind);
        var count = kind switch { "deep" => 20, "many" => 250_000, "large" => 80, _ => 0 };
        switch (kind)
        {
            case "long":
                writer.Value(new string('x', 70_000));
                break;
            case "deep":
                WireValue inner = WireValue.Nil;
                for (var i = 0; i < count; i++)
                {
                    inner = WireValue.OfArray(inner);
                }
                inner.WriteTo(writer);
                break;
            default:
                writer.BeginArray();
                for (var i = 0; i < count; i++)
                {
                    writer.Value(kind == "many" ? "" : new string('x', 60_000));
                }
                writer.EndArray();
                break;
        }
        writer.EndMap();
    }

    [Fact]
    public void A_welcome_that_no_decoder_may_read_begins_no_session()
    {
        var definition = Scripted.Define((_, _) => { });
        definition.Catalog = Messages.Map(("story", new string('x', 70_000)));
        using var host = new EnvironmentHost(definition, new HostOptions(), new CallingThread());
        var refusal = new Conversation(host).Refused();
        Assert.Equal("INTERNAL", Code(refusal));
        Assert.Contains("catalog.story", refusal.Get("message")!.Text);
        Assert.False(host.HasSession);
    }

    [Fact]
    public void A_detail_that_no_decoder_may_read_is_left_out()
    {
        WireValue deep = WireValue.EmptyMap;
        for (var i = 0; i < 20; i++)
        {
            deep = Messages.Map(("a", deep));
        }
        var definition = Scripted.Define((_, _) => { });
        definition.BeforeObserving = (_, _) => throw new ProtocolException("INTERNAL", "as it was told", deep);
        using var host = new EnvironmentHost(definition, new HostOptions(), new CallingThread());
        var talk = new Conversation(host);
        talk.Hello();
        var answer = talk.Ask("batch", ("ops", Ops(1, "reset")), ("want", Messages.List("seen")));
        Assert.Equal("as it was told", answer.Get("message")!.Text);
        Assert.Empty(answer.Get("detail")!.Keys);
    }
}
