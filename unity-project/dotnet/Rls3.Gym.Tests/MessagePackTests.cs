using System.Buffers;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using MessagePack;
using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using Xunit;
using Decoder = Rls3.Gym.Protocol.MessagePackReader;

namespace Rls3.Gym.Tests;

/// <summary>Any value that a message may hold.</summary>
public static class WireValues
{
    public static Arbitrary<WireValue> Value() => Arb.From(Gen.Sized(size => Any(Math.Min(size, 12))));

    private static Gen<WireValue> Any(int size)
    {
        var leaf = Gen.OneOf(
            Gen.Constant(WireValue.Nil),
            ArbMap.Default.GeneratorFor<bool>().Select(WireValue.Of),
            ArbMap.Default.GeneratorFor<double>().Select(WireValue.Of),
            ArbMap.Default.GeneratorFor<int>().Select(value => WireValue.Of(value)),
            ArbMap.Default.GeneratorFor<uint>().Select(value => WireValue.Of(value)),
            ArbMap.Default.GeneratorFor<sbyte>().Select(value => WireValue.Of(value)),
            Text().Select(WireValue.Of));
        if (size < 2)
        {
            return leaf;
        }
        return Gen.OneOf(
            leaf,
            Gen.ArrayOf(Any(size / 2)).Select(items => WireValue.OfArray(items)),
            Gen.ListOf(Gen.Zip(Text(), Any(size / 2))).Select(pairs =>
                WireValue.OfMap([.. pairs.Select(pair => pair.Item1)], [.. pairs.Select(pair => pair.Item2)])));
    }

    // Text that UTF-8 can carry: no lone surrogates.
    private static Gen<string> Text() => ArbMap.Default.GeneratorFor<string?>().Select(text =>
        System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text ?? "")));
}

[Properties(Arbitrary = [typeof(WireValues)])]
public class MessagePackTests
{
    [Property]
    public bool What_is_written_is_read_again(WireValue value) => Same(value, Decoder.DecodeHeader(Header(value)).Get("x")!);

    [Property]
    public void What_is_written_an_independent_codec_reads(WireValue value)
    {
        var reader = new MessagePack.MessagePackReader(Header(value));
        Assert.Equal(1, reader.ReadMapHeader());
        Assert.Equal("x", reader.ReadString());
        Assert.True(Same(value, Read(ref reader)));
        Assert.True(reader.End);
    }

    [Property]
    public bool What_an_independent_codec_writes_is_read(WireValue value)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new MessagePack.MessagePackWriter(buffer);
        writer.WriteMapHeader(1);
        writer.Write("x");
        Write(ref writer, value);
        writer.Flush();
        return Same(value, Decoder.DecodeHeader(buffer.WrittenSpan).Get("x")!);
    }

    [Property]
    public void A_header_cut_anywhere_is_a_bad_message(WireValue value)
    {
        var bytes = Header(value);
        for (var length = 0; length < bytes.Length; length++)
        {
            var cut = bytes.AsSpan(0, length).ToArray();
            Assert.Equal("BAD_MESSAGE", Assert.Throws<ProtocolException>(() => Decoder.DecodeHeader(cut)).Code);
        }
    }

    [Property(MaxTest = 2000)]
    public bool Any_bytes_are_a_header_or_a_bad_message(byte[] bytes)
    {
        try
        {
            Decoder.DecodeHeader([0x81, 0xa1, (byte)'x', .. bytes]);
            return true;
        }
        catch (ProtocolException error)
        {
            return error.Code == "BAD_MESSAGE";
        }
    }

    [Fact]
    public void The_golden_messages_are_read_and_written_byte_for_byte()
    {
        var messages = Repository.Json("protocol", "vectors", "messages.json").Items;
        Assert.True(messages.Count >= 10);
        foreach (var message in messages)
        {
            var bytes = Convert.FromHexString(message.Get("hex")!.Text);
            var header = message.Get("header")!;
            Assert.True(Same(header, Decoder.DecodeHeader(bytes)), message.Get("name")!.Text);
            var writer = new Protocol.MessagePackWriter();
            header.WriteTo(writer);
            Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(writer.Written));
        }
    }

    [Fact]
    public void The_golden_refusals_are_refused()
    {
        var refused = Repository.Json("protocol", "vectors", "refused-headers.json").Items;
        Assert.True(refused.Count >= 10);
        foreach (var header in refused)
        {
            var bytes = Convert.FromHexString(header.Get("hex")!.Text);
            Assert.Equal("BAD_MESSAGE", Assert.Throws<ProtocolException>(() => Decoder.DecodeHeader(bytes)).Code);
        }
    }

    /// <summary>What afl-fuzz kept of its campaign (README): the same verdict as the trainer's decoder, and what is read is written and read again.</summary>
    [Fact]
    public void What_a_fuzzer_found_has_the_same_verdict_everywhere()
    {
        var found = Repository.Json("protocol", "vectors", "fuzzed-headers.json").Items;
        Assert.True(found.Count >= 100);
        foreach (var entry in found)
        {
            var hex = entry.Get("hex")!.Text;
            var bytes = Convert.FromHexString(hex);
            if (entry.Get("refused")!.Boolean)
            {
                Assert.Equal("BAD_MESSAGE", Assert.Throws<ProtocolException>(() => Decoder.DecodeHeader(bytes)).Code);
                continue;
            }
            var header = Decoder.DecodeHeader(bytes);
            var writer = new Protocol.MessagePackWriter();
            header.WriteTo(writer);
            Assert.True(Same(header, Decoder.DecodeHeader(writer.Written)), hex);
        }
    }

    [Fact]
    public void Maps_and_arrays_count_what_is_written_in_them()
    {
        var writer = new Protocol.MessagePackWriter(1);
        writer.BeginMap();
        writer.Key("a");
        writer.BeginMap();
        writer.EndMap();
        writer.Key("b");
        writer.BeginArray();
        writer.BeginArray();
        writer.EndArray();
        writer.BeginMap();
        writer.Key("c");
        writer.Nil();
        writer.EndMap();
        writer.Value(true);
        writer.EndArray();
        writer.Key("d");
        writer.Value("e");
        writer.EndMap();
        Assert.Equal("83" + "A161" + "80" + "A162" + "93" + "90" + "81A163C0" + "C3" + "A164" + "A165", Convert.ToHexString(writer.Written));
    }

    /// <summary>The shortest header, whatever it takes, with maps of that size inside one another and values before and after.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(0xffff)]
    [InlineData(0x10000)]
    public void A_map_of_any_size_is_what_an_independent_codec_writes(int size)
    {
        var ours = new Protocol.MessagePackWriter(1);
        var buffer = new ArrayBufferWriter<byte>();
        var theirs = new MessagePack.MessagePackWriter(buffer);
        ours.BeginArray();
        theirs.WriteArrayHeader(3);
        ours.Value("before");
        theirs.Write("before");
        ours.BeginMap();
        theirs.WriteMapHeader(size);
        for (var i = 0; i < size; i++)
        {
            ours.Key("k" + i);
            theirs.Write("k" + i);
            if (i != size / 2)
            {
                ours.Value(i);
                theirs.Write(i);
                continue;
            }
            ours.BeginMap();
            theirs.WriteMapHeader(size);
            for (var j = 0; j < size; j++)
            {
                ours.Key("");
                theirs.Write("");
                ours.Nil();
                theirs.WriteNil();
            }
            ours.EndMap();
        }
        ours.EndMap();
        ours.BeginArray();
        theirs.WriteArrayHeader(size);
        for (var i = 0; i < size; i++)
        {
            ours.Value(false);
            theirs.Write(false);
        }
        ours.EndArray();
        ours.EndArray();
        theirs.Flush();
        Assert.True(ours.Written.SequenceEqual(buffer.WrittenSpan));
    }

    [Fact]
    public void What_does_not_fit_is_an_error()
    {
        Misplaced("BeginMap without EndMap", writer => writer.BeginMap());
        Misplaced("BeginArray without EndArray", writer => writer.BeginArray());
        Misplaced("EndMap without BeginMap", writer => writer.EndMap());
        Misplaced("EndArray without BeginArray", writer => writer.EndArray());
        Misplaced("BeginArray without EndArray", writer =>
        {
            writer.BeginArray();
            writer.EndMap();
        });
        Misplaced("the key \"a\" is not in a map: BeginMap comes first", writer => writer.Key("a"));
        Misplaced("the key before \"b\" has no value", writer =>
        {
            writer.BeginMap();
            writer.Key("a");
            writer.Key("b");
        });
        Misplaced("the last key of a map has no value", writer =>
        {
            writer.BeginMap();
            writer.Key("a");
            writer.EndMap();
        });
        Misplaced("a value in a map needs a key before it", writer =>
        {
            writer.BeginMap();
            writer.BeginMap();
        });
    }

    private static void Misplaced(string message, Action<Protocol.MessagePackWriter> write)
    {
        var writer = new Protocol.MessagePackWriter();
        Assert.Equal(message, Assert.Throws<InvalidOperationException>(() =>
        {
            write(writer);
            writer.ToArray();
        }).Message);
        writer.Clear();
        Assert.Empty(writer.ToArray());
    }

    [Fact]
    public void Going_back_drops_what_was_not_ended_too()
    {
        var writer = new Protocol.MessagePackWriter();
        writer.BeginArray();
        writer.Value(1);
        var before = writer.Here();
        writer.BeginMap();
        writer.Key("a");
        writer.BeginArray();
        before.Rewind();
        writer.Value(2);
        var after = writer.Here();
        writer.Value(3);
        after.Rewind();
        writer.EndArray();
        Assert.Equal("920102", Convert.ToHexString(writer.Written));
        Assert.Throws<InvalidOperationException>(before.Rewind);
    }

    /// <summary>If an info does not fit, only its environment loses its episode; the message and the other environments are unaffected.</summary>
    [Fact]
    public void An_info_that_does_not_fit_stays_within_its_environment()
    {
        (string Message, Action<IWireWriter> Info)[] wrong =
        [
            ("BeginMap without EndMap", writer => writer.BeginMap()),
            ("0 values were written where one belongs", _ => { }),
            ("2 values were written where one belongs", writer =>
            {
                writer.Nil();
                writer.Nil();
            }),
            ("EndMap without BeginMap", writer =>
            {
                writer.BeginMap();
                writer.EndMap();
                writer.EndMap();
                writer.EndArray();
            }),
            ("the key \"a\" is not in a map: BeginMap comes first", writer => writer.Key("a")),
        ];
        var definition = new EnvironmentDefinition(
            "told",
            new TensorSpec("action", DType.Float32, [1], [-1.0], [1.0]),
            [],
            env => new Told(env < wrong.Length ? wrong[env].Info : writer => WireValue.EmptyMap.WriteTo(writer)));
        using var host = new EnvironmentHost(definition, new HostOptions { EnvCount = wrong.Length + 1 }, new CallingThread());
        var talk = new Conversation(host);
        talk.Hello();
        var ops = Enumerable.Range(0, wrong.Length + 1).Select(env => Messages.Map(("env", env), ("op", "reset")));
        var results = talk.Ask("batch", ("ops", WireValue.OfArray([.. ops]))).Get("results")!.Items;
        Assert.Equal(
            wrong.Select(info => info.Message).Append(null),
            results.Select(result => result.Get("error")?.Get("detail")!.Get("reason")!.Text));
        Assert.All(results, result => Assert.Equal(WireValue.Kinds.Map, result.Get("info")!.Kind));
    }

    // An environment that does nothing but tell.
    private sealed class Told(Action<IWireWriter> info) : IEnvironment
    {
        public ulong StateHash => 0;

        public void Reset(long? seed, WireValue options)
        {
        }

        public StepOutcome Step(TensorSpan action) => default;

        public void Observe(string uid, TensorSpan output)
        {
        }

        public void WriteInfo(IWireWriter writer) => info(writer);

        public void Configure(string name, WireValue value)
        {
        }

        public void Dispose()
        {
        }
    }

    private static byte[] Header(WireValue value)
    {
        var writer = new Protocol.MessagePackWriter(1);
        WireValue.OfMap(["x"], [value]).WriteTo(writer);
        return writer.ToArray();
    }

    private static bool Same(WireValue a, WireValue b) =>
        a.Kind == b.Kind && a.Number.Equals(b.Number + 0.0) | (a.Number == 0 && b.Number == 0) && a.Text == b.Text && a.Keys.SequenceEqual(b.Keys)
        && a.Items.Count == b.Items.Count && a.Items.Zip(b.Items).All(pair => Same(pair.First, pair.Second));

    private static WireValue Read(ref MessagePack.MessagePackReader reader)
    {
        switch (reader.NextMessagePackType)
        {
            case MessagePackType.Nil:
                reader.ReadNil();
                return WireValue.Nil;
            case MessagePackType.Boolean:
                return WireValue.Of(reader.ReadBoolean());
            case MessagePackType.Integer:
                return WireValue.Of(reader.ReadInt64());
            case MessagePackType.Float:
                return WireValue.Of(reader.ReadDouble());
            case MessagePackType.String:
                return WireValue.Of(reader.ReadString()!);
            case MessagePackType.Array:
                var items = new WireValue[reader.ReadArrayHeader()];
                for (var i = 0; i < items.Length; i++)
                {
                    items[i] = Read(ref reader);
                }
                return WireValue.OfArray(items);
            default:
                var keys = new string[reader.ReadMapHeader()];
                var values = new WireValue[keys.Length];
                for (var i = 0; i < keys.Length; i++)
                {
                    keys[i] = reader.ReadString()!;
                    values[i] = Read(ref reader);
                }
                return WireValue.OfMap(keys, values);
        }
    }

    private static void Write(ref MessagePack.MessagePackWriter writer, WireValue value)
    {
        switch (value.Kind)
        {
            case WireValue.Kinds.Nil:
                writer.WriteNil();
                break;
            case WireValue.Kinds.Boolean:
                writer.Write(value.Boolean);
                break;
            case WireValue.Kinds.Number when value.IsInteger(out var integer):
                writer.Write(integer);
                break;
            case WireValue.Kinds.Number:
                writer.Write(value.Number);
                break;
            case WireValue.Kinds.String:
                writer.Write(value.Text);
                break;
            case WireValue.Kinds.Array:
                writer.WriteArrayHeader(value.Items.Count);
                foreach (var item in value.Items)
                {
                    Write(ref writer, item);
                }
                break;
            default:
                writer.WriteMapHeader(value.Items.Count);
                for (var i = 0; i < value.Items.Count; i++)
                {
                    writer.Write(value.Keys[i]);
                    Write(ref writer, value.Items[i]);
                }
                break;
        }
    }
}
