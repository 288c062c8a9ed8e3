using Rls3.Gym.Core;
using Rls3.Gym.Protocol;
using SharpFuzz;

// Any bytes are a header or a ProtocolException; what is a header can be written again and read back the same.
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
    var writer = new MessagePackWriter();
    header.WriteTo(writer);
    MessagePackReader.DecodeHeader(writer.Written);
});
