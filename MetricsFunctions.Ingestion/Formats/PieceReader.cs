using System.Buffers;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats;

/// <summary>
/// Reads a body of any size while it arrives, a piece at a time: what is in memory of it are a few pieces and its encoded rows.
/// </summary>
static class PieceReader
{
    /// <summary>Large enough that what goes with a piece is little, small enough to stay in a processor's cache.</summary>
    public const int PieceBytes = 256 * 1024;

    const int SmallestPiece = 4 * 1024;

    /// <summary>How many cores large bodies may have. The others are for small requests and for what else runs here, which may be ClickHouse.</summary>
    public static readonly int Cores = Math.Max(Environment.ProcessorCount / 2, 1);

    // Without turns the pieces of many bodies would fill the thread pool's queue, and every small request wait behind all of them.
    static readonly SemaphoreSlim Turns = new(Cores);

    /// <summary>Reads a whole body.</summary>
    /// <param name="body">The body.</param>
    /// <param name="expectedBytes">About how long it is.</param>
    /// <param name="format">What it is written in.</param>
    /// <param name="intake">Where the samples go, and what is wrong with them.</param>
    /// <param name="cancellationToken">Stops in the middle.</param>
    public static async Task ReadAsync(
        Stream body, long expectedBytes, SampleFormat format, SampleIntake intake, CancellationToken cancellationToken)
    {
        var piece = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(expectedBytes + 1, SmallestPiece, PieceBytes));
        var length = 0;
        LineReaders? cores = null;
        try
        {
            for (var isLast = false; !isLast && !intake.IsOver;)
            {
                // A sample that fills most of a piece is read again only when there is twice as much of it.
                if (length > piece.Length / 2)
                {
                    Resize(ref piece, length, (int)Math.Min(2L * piece.Length, Array.MaxLength));
                }

                if (length > format.MaxSampleBytes)
                {
                    intake.Refusals.Item = cores?.NextLine ?? (format.IsLines || intake.IsList ? intake.NextItem : null);
                    intake.Refusals.RefuseBody(FaultKind.Size, "is longer than 3 MiB, as no sample is");
                    break;
                }

                var read = await body.ReadAtLeastAsync(piece.AsMemory(length), piece.Length - length, throwOnEndOfStream: false, cancellationToken);
                length += read;
                isLast = length < piece.Length;

                if (format.IsLines && (cores is not null || (!isLast && piece.Length >= PieceBytes)))
                {
                    // Whole lines go to the cores; the beginning of the next one begins the next piece.
                    var end = isLast ? length : format.EndOfLines(piece.AsSpan(0, length));
                    if (end > 0)
                    {
                        cores ??= new LineReaders(format, intake);
                        var rest = ArrayPool<byte>.Shared.Rent(Math.Max(PieceBytes, length - end));
                        piece.AsSpan(end, length - end).CopyTo(rest);
                        length -= end;
                        (var lines, piece) = (piece, rest);
                        await cores.AddAsync(lines, end, isLast);
                    }
                }
                else
                {
                    var done = isLast && length < PieceBytes
                        ? format.Read(piece.AsSpan(0, length), isLast, intake)
                        : await ReadInTurnAsync(piece.AsMemory(0, length), isLast, format, intake);
                    length -= done;
                    piece.AsSpan(done, length).CopyTo(piece);
                    if (!isLast && piece.Length < PieceBytes)
                    {
                        Resize(ref piece, length, PieceBytes);
                    }
                }

                // A body that is all here would keep a thread until its end, and small ones wait for that.
                if (!isLast)
                {
                    await Task.Yield();
                }
            }

            if (cores is not null)
            {
                await cores.EndAsync(intake);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
            if (cores is not null)
            {
                await cores.DisposeAsync();
            }
        }
    }

    /// <summary>Reads a piece of a large body, when a core is free of such pieces.</summary>
    public static async ValueTask<int> ReadInTurnAsync(ReadOnlyMemory<byte> piece, bool isLast, SampleFormat format, SampleIntake intake)
    {
        await Turns.WaitAsync();
        try
        {
            return format.Read(piece.Span, isLast, intake);
        }
        finally
        {
            Turns.Release();
        }
    }

    static void Resize(ref byte[] piece, int length, int bytes)
    {
        var other = ArrayPool<byte>.Shared.Rent(bytes);
        piece.AsSpan(0, length).CopyTo(other);
        ArrayPool<byte>.Shared.Return(piece);
        piece = other;
    }
}
