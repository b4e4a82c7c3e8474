using MetricsFunctions.Ingestion.Memory;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>A body that is decompressed while it arrives. Its decoder keeps a window of what it has written, to copy from.</summary>
/// <param name="decoder">The decoder.</param>
/// <param name="window">The largest window in bytes, if it is large.</param>
/// <param name="room">What the request has of the memory.</param>
sealed class WindowBody(Stream decoder, int window, MemoryBudget.Room? room) : ReadOnlyStream
{
    // What a decoder takes for itself, some 40 to 130 KiB, and with it the 32 KiB that deflate (RFC 1951) copies from.
    const int DecoderBytes = 64 * 1024;

    long _taken;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_taken == 0)
        {
            Take(DecoderBytes);
        }

        var read = await decoder.ReadAsync(buffer, cancellationToken);
        Take(Math.Min(read, DecoderBytes + window - _taken));
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        decoder.Dispose();
        room?.Give(_taken);
        _taken = 0;
        base.Dispose(disposing);
    }

    void Take(long bytes)
    {
        _taken += bytes;
        room?.Take(bytes);
    }
}
