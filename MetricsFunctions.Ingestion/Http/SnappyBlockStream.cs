using System.Buffers;
using MetricsFunctions.Ingestion.Formats.Protobuf;
using Snappier;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// A body in Snappy's block format (<see href="https://github.com/google/snappy/blob/main/format_description.txt"/>), which can only be
/// decompressed as a whole.
/// </summary>
/// <param name="block">The block.</param>
/// <param name="maxBytes">How long the body may be.</param>
/// <param name="room">What it takes of the memory for all bodies.</param>
sealed class SnappyBlockStream(Stream block, long maxBytes, BodyBudget.Room room) : ReadOnlyStream
{
    const int SmallestBuffer = 16 * 1024;

    // Three bytes say at most that 64 others come again.
    const int LargestExpansion = 22;

    byte[]? _body;
    int _length;
    int _position;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _body ??= await DecompressAsync(cancellationToken);
        var read = Math.Min(buffer.Length, _length - _position);
        _body.AsSpan(_position, read).CopyTo(buffer.Span);
        _position += read;
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (_body is not null)
        {
            ArrayPool<byte>.Shared.Return(_body);
            _body = null;
        }

        base.Dispose(disposing);
    }

    async Task<byte[]> DecompressAsync(CancellationToken cancellationToken)
    {
        var compressed = ArrayPool<byte>.Shared.Rent(SmallestBuffer);
        try
        {
            var length = 0;
            while (true)
            {
                var read = await block.ReadAsync(compressed.AsMemory(length), cancellationToken);
                if (read == 0)
                {
                    return Decompress(compressed.AsSpan(0, length));
                }

                length += read;
                if (length == compressed.Length)
                {
                    var larger = ArrayPool<byte>.Shared.Rent(2 * length);
                    compressed.CopyTo(larger, 0);
                    ArrayPool<byte>.Shared.Return(compressed);
                    compressed = larger;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(compressed);
        }
    }

    byte[] Decompress(ReadOnlySpan<byte> compressed)
    {
        // What a block says of its length in front is believed only as far as memory for it does no harm.
        var rest = compressed;
        if (!WireReader.TryReadVarint(ref rest, out var announced))
        {
            throw new BodyException(BodyFault.Corrupt);
        }

        if (announced > (ulong)maxBytes)
        {
            throw new BodyException(BodyFault.TooLarge);
        }

        if (announced > (ulong)rest.Length * LargestExpansion)
        {
            throw new BodyException(BodyFault.Corrupt);
        }

        if (!room.TryTake((int)announced))
        {
            throw new BodyException(BodyFault.NoRoom);
        }

        var body = ArrayPool<byte>.Shared.Rent((int)announced);
        try
        {
            if (!Snappy.TryDecompress(compressed, body.AsSpan(0, (int)announced), out _length) || _length != (int)announced)
            {
                throw new BodyException(BodyFault.Corrupt);
            }
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(body);
            throw;
        }

        return body;
    }
}
