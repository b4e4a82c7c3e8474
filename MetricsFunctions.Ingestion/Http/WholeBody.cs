using MetricsFunctions.Ingestion.Memory;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>A body that is decompressed when all of it is here.</summary>
/// <param name="body">The body as it arrives.</param>
/// <param name="room">What the request has of the memory.</param>
abstract class WholeBody(Stream body, MemoryBudget.Room? room) : ReadOnlyStream
{
    const int SmallestBuffer = 16 * 1024;

    RentedBytes? _compressed;

    /// <summary>What the request has of the memory.</summary>
    protected MemoryBudget.Room? Room => room;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_compressed is null)
        {
            _compressed = new RentedBytes(room, SmallestBuffer);
            var length = await GatherAsync(_compressed, cancellationToken);
            Begin(_compressed.Array, length);
        }

        return Decompress(buffer.Span);
    }

    /// <summary>Begins with a body that is here.</summary>
    /// <param name="compressed">What begins with the body, and stays until this stream is disposed.</param>
    /// <param name="length">How long the body is.</param>
    protected abstract void Begin(byte[] compressed, int length);

    /// <summary>Writes what comes next of the body as it was before.</summary>
    /// <param name="buffer">Where to.</param>
    /// <returns>How much that is; 0 at the end.</returns>
    protected abstract int Decompress(Span<byte> buffer);

    protected override void Dispose(bool disposing)
    {
        _compressed?.Dispose();
        base.Dispose(disposing);
    }

    async Task<int> GatherAsync(RentedBytes compressed, CancellationToken cancellationToken)
    {
        for (var length = 0; ;)
        {
            var read = await body.ReadAsync(compressed.Array.AsMemory(length), cancellationToken);
            if (read == 0)
            {
                return length;
            }

            length += read;
            if (length == compressed.Array.Length)
            {
                compressed.Grow(length, (int)Math.Min(2L * length, Array.MaxLength));
            }
        }
    }
}
