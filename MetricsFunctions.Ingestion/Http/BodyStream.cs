using System.Security.Cryptography;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>A body that ends in an exception when it passes a limit, or is not what its encoding promises.</summary>
/// <param name="inner">The body.</param>
/// <param name="maxBytes">How long it may be.</param>
/// <param name="isDecoded">Whether it comes from a decoder.</param>
/// <param name="hash">Given every byte, if there is one.</param>
sealed class BodyStream(Stream inner, long maxBytes, bool isDecoded, IncrementalHash? hash = null) : Stream
{
    long _left = maxBytes;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read;
        try
        {
            read = await inner.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception e) when (isDecoded && e is not BodyException && ContentEncoding.IsCorrupt(e))
        {
            throw new BodyException(BodyFault.Corrupt, e);
        }

        _left -= read;
        hash?.AppendData(buffer.Span[..read]);
        return _left >= 0 ? read : throw new BodyException(BodyFault.TooLarge);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();
}

/// <summary>Why a body cannot be read to its end.</summary>
enum BodyFault
{
    TooLarge,
    Corrupt,
}

/// <summary>A body cannot be read to its end.</summary>
/// <param name="fault">Why.</param>
/// <param name="cause">What was thrown, if anything was.</param>
sealed class BodyException(BodyFault fault, Exception? cause = null) : Exception(fault.ToString(), cause)
{
    public BodyFault Fault { get; } = fault;
}
