using System.Security.Cryptography;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>A body that ends in an exception when it passes a limit, or is not what its encoding promises.</summary>
/// <param name="inner">The body.</param>
/// <param name="maxBytes">How long it may be.</param>
/// <param name="isDecoded">Whether it comes from a decoder.</param>
/// <param name="hash">Given every byte, if there is one.</param>
sealed class BodyStream(Stream inner, long maxBytes, bool isDecoded, IncrementalHash? hash) : ReadOnlyStream
{
    /// <summary>How much of it has been read.</summary>
    public long BytesRead { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read;
        try
        {
            read = await inner.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception e) when (isDecoded && ContentEncoding.FaultOf(e) is { } fault)
        {
            throw new BodyException(fault, e);
        }

        BytesRead += read;
        hash?.AppendData(buffer.Span[..read]);
        if (BytesRead > maxBytes)
        {
            throw new BodyException(BodyFault.TooLarge);
        }

        return read;
    }
}

/// <summary>Why a body cannot be read to its end.</summary>
enum BodyFault
{
    TooLarge,
    Corrupt,
    LargeWindow,
    Dictionary,
    SlowSender,
    SlowService,
}

/// <summary>A body cannot be read to its end.</summary>
/// <param name="fault">Why.</param>
/// <param name="cause">What was thrown, if anything was.</param>
sealed class BodyException(BodyFault fault, Exception? cause = null) : Exception(fault.ToString(), cause)
{
    public BodyFault Fault { get; } = fault;
}
