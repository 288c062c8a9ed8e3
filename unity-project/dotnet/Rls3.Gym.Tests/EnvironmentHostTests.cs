using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using Xunit;

namespace Rls3.Gym.Tests;

/// <summary>What a host answers, message by message, without sockets: sessions, hello, numbers of requests, refusals.</summary>
public sealed class EnvironmentHostTests
{
    private static EnvironmentHost Rooms(HostOptions? options = null) => new(
        RoomsEnvironment.Define(Repository.Catalog("rooms"), [], _ => null),
        options ?? new HostOptions { EnvCount = 2 },
        new CallingThread());

    private static string Code(WireValue answer) => answer.Get("code")!.Text;

    private static string Field(WireValue answer) => answer.Get("detail")!.Get("field")!.Text;

    [Fact]
    public void A_new_session_has_every_parameter_at_its_default_and_configure_holds_for_environments_made_later()
    {
        using var host = new EnvironmentHost(Counters.Definition, new HostOptions { EnvCount = 2 }, new CallingThread());
        var talk = new Conversation(host);
        talk.Hello();
        Assert.Equal("configured", talk.Ask("configure", ("parameters", Messages.Map(("pace", 3)))).Get("t")!.Text);
        Assert.Equal(3, Pace(talk.One("reset")));
        talk.Ask("configure", ("parameters", Messages.Map(("pace", 4))));
        Assert.Equal(4, Pace(talk.One("noop")));
        // It fails inside, and is made anew.
        Assert.Equal("ENV_CRASH", Code(talk.One("reset", ("options", Messages.Map(("fail", true)))).Get("error")!));
        Assert.Equal(4, Pace(talk.One("reset")));
        talk.Ask("close");
        talk.Hello();
        Assert.Equal(1, Pace(talk.One("reset")));
    }

    [Fact]
    public void An_environment_in_place_of_a_crashed_one_has_a_seed_of_its_own_at_its_first_reset()
    {
        List<long?> seeds = [];
        using var host = new EnvironmentHost(Counters.Defined(seeds), new HostOptions { EnvCount = 2 }, new CallingThread());
        var talk = new Conversation(host);
        talk.Hello(("seed", 5L));
        talk.One("reset");
        talk.One("reset");
        talk.One("reset", ("options", Messages.Map(("fail", true))));
        talk.One("reset");
        talk.One("reset");
        talk.Hello(("seed", 7L));
        talk.One("reset");
        // Of the crashed one nothing is left to draw on from: two episodes of two environments later.
        Assert.Equal([5, null, null, 9, null, 7], seeds);
    }

    private static int Pace(WireValue result) => Convert.ToInt32(result.Get("state_hash")!.Text, 16);

    [Theory]
    [InlineData(null, 0L)]
    [InlineData(0L, 0L)]
    [InlineData(5L, 5L)]
    [InlineData(9007199254740991L, 9007199254740991L)]
    public void The_first_reset_of_a_session_without_a_seed_has_that_of_hello_and_the_environment(long? seed, long first)
    {
        using var host = Rooms();
        var talk = new Conversation(host);
        const long Modulus = 9007199254740992L;
        for (var session = 0; session < 2; session++)
        {
            talk.Hello(("seed", seed == null ? null : (object)seed.Value));
            var drawn = Hashes(talk, []);
            var next = Hashes(talk, []);
            talk.Hello();
            Assert.Equal(Hashes(talk, [first, (first + 1) % Modulus]), drawn);
            // After it, each continues its random numbers.
            Assert.Equal(Hashes(talk, []), next);
        }
    }

    private static string[] Hashes(Conversation talk, long[] seeds)
    {
        var ops = Enumerable.Range(0, 2).Select(env => Messages.Map(("env", env), ("op", "reset"), ("seed", seeds.Length == 0 ? null : (object)seeds[env])));
        var answer = talk.Ask("batch", ("ops", WireValue.OfArray([.. ops])));
        return [.. answer.Get("results")!.Items.Select(result => result.Get("state_hash")!.Text)];
    }

    [Theory]
    [InlineData("attic")]
    [InlineData(99)]
    [InlineData(-1)]
    [InlineData(0.5)]
    [InlineData(true)]
    public void A_scene_that_there_is_none_of_is_a_bad_message_and_the_episode_goes_on(object scene)
    {
        using var host = Rooms();
        var talk = new Conversation(host);
        talk.Hello();
        var before = talk.One("reset", ("seed", 3));
        var refused = talk.One("reset", ("seed", 4), ("options", Messages.Map(("scene", scene))));
        Assert.Equal("BAD_MESSAGE", Code(refused.Get("error")!));
        Assert.Equal("options", Field(refused.Get("error")!));
        Assert.Contains("options.scene", refused.Get("error")!.Get("message")!.Text);
        Assert.Equal(1, refused.Get("episode")!.Number);
        Assert.Equal(before.Get("state_hash")!.Text, talk.One("noop").Get("state_hash")!.Text);
    }

    public static TheoryData<string, object?> WrongHellos => new()
    {
        { "client", null }, { "client", 5 },
        { "image_size", "big" }, { "image_size", 1.5 }, { "image_size", -4 }, { "image_size", 0 }, { "image_size", 65536 },
        { "seed", "a" }, { "seed", 1.5 }, { "seed", -1 }, { "seed", double.NaN }, { "seed", 9007199254740992.0 },
        { "package", 5 }, { "token", 5 }, { "capabilities", "images" }, { "capabilities[0]", Messages.List(5) }, { "capabilities[1]", Messages.List("images", null) },
        { "protocols", 1 }, { "protocols[1]", Messages.List(1, "2") }, { "limits", 5 }, { "limits.max_frame_bytes", Messages.Map(("max_frame_bytes", 1023)) },
        { "limits.max_frame_bytes", Messages.Map(("max_frame_bytes", "much")) },
    };

    [Theory]
    [MemberData(nameof(WrongHellos))]
    public void Every_key_of_hello_is_looked_at_and_a_wrong_one_ends_no_session(string field, object? value)
    {
        using var host = Rooms();
        var talk = new Conversation(host);
        talk.Hello();
        var sid = talk.Sid;
        (string Key, object? Value) wrong = (field.Split('[', '.')[0], value);
        foreach (var hello in new[] { new[] { wrong }, [("protocols", Messages.List(1)), wrong] })
        {
            var number = talk.Next;
            var refusal = talk.Refused(hello);
            Assert.Equal("BAD_MESSAGE", Code(refusal));
            Assert.Equal(field, Field(refusal));
            Assert.Equal(number, refusal.Get("req")!.Number);
            Assert.Equal("", refusal.Get("sid")!.Text);
        }
        Assert.Equal("pong", talk.Send([Messages.Encode(Messages.Header("ping", 2, ("sid", sid)))]).Get("t")!.Text);
    }

    [Fact]
    public void What_hello_may_say_is_taken_with_nil_for_what_it_leaves_out()
    {
        using var host = Rooms();
        var talk = new Conversation(host);
        talk.Hello(("image_size", 65535), ("seed", 9007199254740991L), ("package", "a/1"), ("capabilities", Messages.List("images", "of another day")), ("unknown", 1));
        talk.Hello(("image_size", null), ("seed", null), ("package", null), ("capabilities", null), ("limits", null), ("protocols", null), ("token", null));
        talk.Hello(("protocols", Messages.List(7, 1)), ("limits", Messages.Map(("max_frame_bytes", null))));
        Assert.Equal("VERSION", Code(talk.Refused(("protocols", Messages.List()))));
        Assert.Equal("VERSION", Code(talk.Refused(("protocols", Messages.List(2)))));
    }

    [Fact]
    public void A_message_of_the_session_without_a_type_takes_its_number()
    {
        using var host = Rooms();
        var talk = new Conversation(host);
        talk.Hello();
        foreach (var type in new object?[] { null, 5, "dance" })
        {
            var frames = new[] { Messages.Encode(Messages.Header("ping", talk.Next, ("sid", talk.Sid), ("t", type))) };
            var refusal = talk.Send(frames);
            Assert.Equal(("BAD_MESSAGE", "t", talk.Sid), (Code(refusal), Field(refusal), refusal.Get("sid")!.Text));
            Assert.Equal(talk.Next, refusal.Get("req")!.Number);
            talk.Took();
            // Sent again it gets the same answer.
            Assert.Equal(refusal.Get("message")!.Text, talk.Send(frames).Get("message")!.Text);
        }
        Assert.Equal("pong", talk.Ask("ping").Get("t")!.Text);
    }

    [Fact]
    public void What_is_not_of_the_session_is_answered_without_one()
    {
        using var host = Rooms();
        var talk = new Conversation(host);
        talk.Hello();
        foreach (var sid in new object?[] { "another", "", null, 5 })
        {
            var refusal = talk.Send([Messages.Encode(Messages.Header("ping", 7, ("sid", sid)))]);
            Assert.Equal(("NO_SESSION", "", 7.0), (Code(refusal), refusal.Get("sid")!.Text, refusal.Get("req")!.Number));
        }
        // Whatever else is wrong with it.
        Assert.Equal("NO_SESSION", Code(talk.Send([Messages.Encode(Messages.Header("ping", 7, ("sid", "another"), ("t", null)))])));
        Assert.Equal("pong", talk.Ask("ping").Get("t")!.Text);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1.5)]
    [InlineData(double.NaN)]
    [InlineData("2")]
    [InlineData(null)]
    public void A_number_that_is_none_is_answered_as_0(object? req)
    {
        using var host = Rooms();
        var talk = new Conversation(host);
        talk.Hello();
        var refusal = talk.Send([Messages.Encode(Messages.Header("ping", req, ("sid", talk.Sid)))]);
        Assert.Equal(("BAD_MESSAGE", "req", 0.0, ""), (Code(refusal), Field(refusal), refusal.Get("req")!.Number, refusal.Get("sid")!.Text));
        Assert.Equal("pong", talk.Ask("ping").Get("t")!.Text);
    }

    [Fact]
    public void Payload_that_is_too_large_or_too_much_takes_the_number_and_a_header_that_is_too_large_can_not()
    {
        using var host = Rooms(new HostOptions { MaxFrameBytes = 2048 });
        var talk = new Conversation(host);
        talk.Hello();
        foreach (var (payload, code) in new[] { (new[] { 2049 }, "TOO_LARGE"), ([1, 2049], "TOO_LARGE"), (new int[64], "BAD_MESSAGE") })
        {
            byte[][] frames = [Messages.Encode(Messages.Header("ping", talk.Next, ("sid", talk.Sid))), .. payload.Select(size => new byte[size])];
            var refusal = talk.Send(frames);
            Assert.Equal((code, talk.Sid, (double)talk.Next), (Code(refusal), refusal.Get("sid")!.Text, refusal.Get("req")!.Number));
            talk.Took();
        }
        var unread = talk.Send([Messages.Encode(Messages.Header("ping", talk.Next, ("sid", talk.Sid), ("more", new string('x', 3000))))]);
        Assert.Equal(("TOO_LARGE", 0.0), (Code(unread), unread.Get("req")!.Number));
        Assert.Equal("pong", talk.Ask("ping").Get("t")!.Text);
    }

    [Fact]
    public void The_same_hello_gets_the_same_welcome_though_its_client_was_silent_for_long()
    {
        using var host = Rooms(new HostOptions { PingPeriodMs = 100 });
        var talk = new Conversation(host);
        var first = Messages.Encode(Messages.Header("hello", 1, ("client", "test")));
        var sid = talk.Send([first]).Get("sid")!.Text;
        talk.Now = 1000;
        Assert.Equal(sid, talk.Send([first]).Get("sid")!.Text);
        Assert.Equal("pong", talk.Send([Messages.Encode(Messages.Header("ping", 2, ("sid", sid)))]).Get("t")!.Text);
        talk.Now = 2000;
        Assert.Equal("OUT_OF_ORDER", Code(talk.Send([first])));
    }

    [Theory]
    [InlineData(double.NaN, "NaN")]
    [InlineData(double.PositiveInfinity, "Infinity")]
    [InlineData(double.NegativeInfinity, "-Infinity")]
    public void A_reward_that_is_not_finite_ends_its_environment_s_episode_and_no_other(double reward, string said)
    {
        using var host = new EnvironmentHost(Scripted.Paying(reward, 0.5), new HostOptions { EnvCount = 2 }, new CallingThread());
        var talk = new Conversation(host);
        talk.Hello();
        WireValue Both(string op) => Messages.List(Messages.Map(("env", 0), ("op", op)), Messages.Map(("env", 1), ("op", op)));
        talk.Ask("batch", ("ops", Both("reset")));
        var action = Messages.Map(("uid", "action"), ("dtype", "float32"), ("shape", Messages.List(2, 1)), ("frame", 0));
        var header = Messages.Header("batch", talk.Next, ("sid", talk.Sid), ("ops", Both("step")), ("tensors", Messages.List(action)));
        var results = talk.Send([Messages.Encode(header), new byte[8]]).Get("results")!.Items;
        var error = results[0].Get("error")!;
        Assert.Equal("ENV_CRASH", Code(error));
        Assert.Contains($"its reward is {said};", error.Get("message")!.Text);
        Assert.Null(results[1].Get("error"));
        Assert.Equal((0.5, 1.0), (results[1].Get("reward")!.Number, results[1].Get("step")!.Number));
    }

    [Fact]
    public void An_action_comes_once()
    {
        using var host = Rooms();
        var talk = new Conversation(host);
        talk.Hello();
        var tensor = Messages.Map(("uid", "other"), ("dtype", "uint8"), ("shape", Messages.List(0)), ("frame", 0));
        var header = Messages.Header("batch", talk.Next, ("sid", talk.Sid), ("ops", Messages.List()), ("tensors", Messages.List(tensor, tensor)));
        var refusal = talk.Send([Messages.Encode(header), []]);
        Assert.Equal(("BAD_MESSAGE", "tensors[1].uid"), (Code(refusal), Field(refusal)));
    }

    /// <summary>An environment whose state is its configuration, and which fails when told to.</summary>
    private sealed class Counters : IEnvironment
    {
        private readonly List<long?> seeds;

        private Counters(List<long?> seeds) => this.seeds = seeds;

        public static EnvironmentDefinition Definition => Defined([]);

        /// <param name="seeds">Gets those of all resets.</param>
        public static EnvironmentDefinition Defined(List<long?> seeds) => new("counters", new TensorSpec("action", DType.Float32, [1]), [], _ => new Counters(seeds))
        {
            Parameters = [ParameterSpec.Int("pace", 1, 9, 1, "steps at once")],
            ClaimsStateHash = true,
        };

        public ulong StateHash { get; private set; }

        public void Reset(long? seed, WireValue options)
        {
            seeds.Add(seed);
            if (options.Get("fail") != null)
            {
                throw new InvalidOperationException("as it was told");
            }
        }

        public StepOutcome Step(TensorSpan action) => default;

        public void Observe(string uid, TensorSpan output)
        {
        }

        public void WriteInfo(IWireWriter writer) => WireValue.EmptyMap.WriteTo(writer);

        public void Configure(string name, WireValue value) => StateHash = (ulong)value.Number;

        public void Dispose()
        {
        }
    }
}
