using MetricsFunctions.Ingestion.Memory;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats;

/// <summary>
/// Reads a body of any size while it arrives, a piece at a time: what is in memory of it are a few pieces and its encoded rows.
/// </summary>
sealed class PieceReader : IAsyncDisposable
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

    readonly Stream _body;
    readonly SampleFormat _format;
    readonly SampleIntake _intake;
    readonly ReadingTurn _turn;
    readonly CancellationToken _cancellationToken;
    RentedBytes _piece;
    int _length;
    LineReaders? _cores;

    PieceReader(Stream body, long expectedBytes, SampleFormat format, SampleIntake intake, ReadingTurn turn, CancellationToken cancellationToken)
    {
        (_body, _format, _intake, _turn, _cancellationToken) = (body, format, intake, turn, cancellationToken);
        _piece = new RentedBytes(intake.Room, (int)Math.Clamp(expectedBytes + 1, SmallestPiece, LargestFirstPiece));
    }

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
        await using var reader = new PieceReader(body, expectedBytes, format, intake, turn, cancellationToken);
        await reader.ReadAsync();
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

    /// <summary>Gives the memory back.</summary>
    public ValueTask DisposeAsync()
    {
        _piece.Dispose();
        return _cores?.DisposeAsync() ?? default;
    }

    async Task ReadAsync()
    {
        for (var isLast = false; !isLast && !_intake.IsOver && HasRoomForSample();)
        {
            isLast = await FillAsync();
            if (!isLast)
            {
                await _turn.TakeAsync();
            }

            if (_format.IsLines && (_cores is not null || !isLast))
            {
                await GiveLinesAsync(isLast);
            }
            else
            {
                await ReadPieceAsync(isLast);
            }

            // A body that is all here would keep a thread until its end, and small ones wait for that.
            if (!isLast)
            {
                await Task.Yield();
            }
        }

        if (_cores is not null)
        {
            await _cores.EndAsync(_intake);
        }
    }

    bool HasRoomForSample()
    {
        // A sample that fills most of a piece is read again only when there is twice as much of it.
        if (_length > _piece.Array.Length / 2)
        {
            _piece.Grow(_length, (int)Math.Min(2L * _piece.Array.Length, Array.MaxLength));
        }

        if (_length <= _format.MaxSampleBytes)
        {
            return true;
        }

        _intake.Refusals.Item = _cores?.NextLine ?? (_format.IsLines || _intake.IsList ? _intake.NextItem : null);
        _intake.Refusals.RefuseBody(FaultKind.Size, "is longer than 3 MiB, as no sample is");
        return false;
    }

    // Reads until a piece of the usual size, or a larger one, is full; answers whether the body ends before.
    async ValueTask<bool> FillAsync()
    {
        for (; ; _piece.Grow(_length, Math.Min(Growth * _piece.Array.Length, PieceBytes)))
        {
            var room = _piece.Array.AsMemory(_length);
            _length += await _body.ReadAtLeastAsync(room, room.Length, throwOnEndOfStream: false, _cancellationToken);
            if (_length < _piece.Array.Length || _length >= PieceBytes)
            {
                return _length < _piece.Array.Length;
            }
        }
    }

    // Whole lines go to the cores; the beginning of the next one begins the next piece.
    async ValueTask GiveLinesAsync(bool isLast)
    {
        var end = isLast ? _length : _format.EndOfLines(_piece.Array.AsSpan(0, _length));
        if (end > 0)
        {
            _cores ??= new LineReaders(_format, _intake, _cancellationToken);
            var rest = new RentedBytes(_intake.Room, Math.Max(PieceBytes, _length - end));
            _piece.Array.AsSpan(end, _length - end).CopyTo(rest.Array);
            _length -= end;
            (var lines, _piece) = (_piece, rest);
            await _cores.AddAsync(lines, end, isLast);
        }
    }

    async ValueTask ReadPieceAsync(bool isLast)
    {
        var done = isLast && _length < PieceBytes
            ? _format.Read(_piece.Array.AsSpan(0, _length), isLast, _intake)
            : await ReadInTurnAsync(_piece.Array.AsMemory(0, _length), isLast, _format, _intake, _cancellationToken);
        _length -= done;
        _piece.Array.AsSpan(done, _length).CopyTo(_piece.Array);
    }
}
