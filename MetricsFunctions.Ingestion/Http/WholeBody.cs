using System.Buffers;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>A body that is decompressed when all of it is here.</summary>
/// <param name="body">The body as it arrives.</param>
abstract class WholeBody(Stream body) : ReadOnlyStream
{
    const int SmallestBuffer = 16 * 1024;

    byte[]? _compressed;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_compressed is null)
        {
            _compressed = ArrayPool<byte>.Shared.Rent(SmallestBuffer);
            var length = await GatherAsync(cancellationToken);
            Begin(_compressed, length);
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
        if (_compressed is not null)
        {
            ArrayPool<byte>.Shared.Return(_compressed);
            _compressed = null;
        }

        base.Dispose(disposing);
    }

    async Task<int> GatherAsync(CancellationToken cancellationToken)
    {
        for (var length = 0; ;)
        {
            var read = await body.ReadAsync(_compressed.AsMemory(length), cancellationToken);
            if (read == 0)
            {
                return length;
            }

            length += read;
            if (length == _compressed!.Length)
            {
                var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(2L * length, Array.MaxLength));
                _compressed.CopyTo(larger, 0);
                ArrayPool<byte>.Shared.Return(_compressed);
                _compressed = larger;
            }
        }
    }
}
