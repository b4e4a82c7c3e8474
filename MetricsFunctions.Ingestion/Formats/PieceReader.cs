using MetricsFunctions.Ingestion.Memory;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats;

/// <summary>
/// Reads a body of any size while it arrives, a piece at a time: what is in memory of it are a few pieces and its encoded rows.
/// </summary>
static class PieceReader
{
    /// <summary>Large enough that what goes with a piece is little, small enough to stay in a processor's cache.</summary>
    public const int PieceBytes = 256 * 1024;

    // What a body announces of its length is believed so far; the rest of its memory is taken when it is here.
    const int LargestFirstPiece = 16 * 1024;
    const int SmallestPiece = 4 * 1024;
    const int Growth = 4;

    /// <summary>How many cores large bodies may have. The others are for small requests and for what else runs here, which may be ClickHouse.</summary>
    public static readonly int Cores = Math.Max(Environment.ProcessorCount / 2, 1);

    // Without turns the pieces of many bodies would fill the thread pool's queue, and every small request wait behind all of them.
    static readonly SemaphoreSlim Turns = new(Cores);

    /// <summary>Reads a whole body.</summary>
    /// <param name="body">The body.</param>
    /// <param name="expectedBytes">About how long it is.</param>
    /// <param name="format">What it is written in.</param>
    /// <param name="intake">Where the samples go, and what is wrong with them.</param>
    /// <param name="turn">Taken when the body is found to be a large one.</param>
    /// <param name="cancellationToken">Stops in the middle.</param>
    public static async Task ReadAsync(
        Stream body, long expectedBytes, SampleFormat format, SampleIntake intake, ReadingTurn turn, CancellationToken cancellationToken)
    {
        var piece = new RentedBytes(intake.Room, (int)Math.Clamp(expectedBytes + 1, SmallestPiece, LargestFirstPiece));
        var length = 0;
        LineReaders? cores = null;
        try
        {
            for (var isLast = false; !isLast && !intake.IsOver;)
            {
                // A sample that fills most of a piece is read again only when there is twice as much of it.
                if (length > piece.Array.Length / 2)
                {
                    piece.Grow(length, (int)Math.Min(2L * piece.Array.Length, Array.MaxLength));
                }

                if (length > format.MaxSampleBytes)
                {
                    intake.Refusals.Item = cores?.NextLine ?? (format.IsLines || intake.IsList ? intake.NextItem : null);
                    intake.Refusals.RefuseBody(FaultKind.Size, "is longer than 3 MiB, as no sample is");
                    break;
                }

                length = await FillAsync(piece, length, body, cancellationToken);
                isLast = length < piece.Array.Length;
                if (!isLast)
                {
                    await turn.TakeAsync();
                }

                if (format.IsLines && (cores is not null || !isLast))
                {
                    // Whole lines go to the cores; the beginning of the next one begins the next piece.
                    var end = isLast ? length : format.EndOfLines(piece.Array.AsSpan(0, length));
                    if (end > 0)
                    {
                        cores ??= new LineReaders(format, intake, cancellationToken);
                        var rest = new RentedBytes(intake.Room, Math.Max(PieceBytes, length - end));
                        piece.Array.AsSpan(end, length - end).CopyTo(rest.Array);
                        length -= end;
                        (var lines, piece) = (piece, rest);
                        await cores.AddAsync(lines, end, isLast);
                    }
                }
                else
                {
                    var done = isLast && length < PieceBytes
                        ? format.Read(piece.Array.AsSpan(0, length), isLast, intake)
                        : await ReadInTurnAsync(piece.Array.AsMemory(0, length), isLast, format, intake, cancellationToken);
                    length -= done;
                    piece.Array.AsSpan(done, length).CopyTo(piece.Array);
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
            piece.Dispose();
            if (cores is not null)
            {
                await cores.DisposeAsync();
            }
        }
    }

    /// <summary>Reads a piece of a large body, when a core is free of such pieces.</summary>
    public static async ValueTask<int> ReadInTurnAsync(
        ReadOnlyMemory<byte> piece, bool isLast, SampleFormat format, SampleIntake intake, CancellationToken cancellationToken)
    {
        await Turns.WaitAsync(cancellationToken);
        try
        {
            return format.Read(piece.Span, isLast, intake);
        }
        finally
        {
            Turns.Release();
        }
    }

    // Reads until a piece of the usual size, or a larger one, is full, and answers how much is in it.
    static async ValueTask<int> FillAsync(RentedBytes piece, int length, Stream body, CancellationToken cancellationToken)
    {
        for (; ; piece.Grow(length, Math.Min(Growth * piece.Array.Length, PieceBytes)))
        {
            var room = piece.Array.AsMemory(length);
            length += await body.ReadAtLeastAsync(room, room.Length, throwOnEndOfStream: false, cancellationToken);
            if (length < piece.Array.Length || length >= PieceBytes)
            {
                return length;
            }
        }
    }
}
