using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using SharpFuzz;

// Any bytes are a header or a ProtocolException; what is a header can be written again, and is then read and written as the same bytes.
Fuzzer.OutOfProcess.Run(stream =>
{
    using var bytes = new MemoryStream();
    stream.CopyTo(bytes);
    WireValue header;
    try
    {
        header = MessagePackReader.DecodeHeader(bytes.ToArray());
    }
    catch (ProtocolException)
    {
        return;
    }
    var written = Written(header);
    if (!Written(MessagePackReader.DecodeHeader(written)).AsSpan().SequenceEqual(written))
    {
        throw new InvalidOperationException("what was written is read as something else");
    }
});

static byte[] Written(WireValue header)
{
    var writer = new MessagePackWriter();
    header.WriteTo(writer);
    return writer.ToArray();
}
