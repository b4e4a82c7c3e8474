using System.Threading.Channels;
using MetricsFunctions.Ingestion.Memory;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats;

/// <summary>Reads the pieces of one body of lines on several cores.</summary>
sealed class LineReaders : IAsyncDisposable
{
    // More would wait for the network.
    static readonly int Cores = Math.Min(PieceReader.Cores, 8);

    readonly SampleFormat _format;
    readonly CancellationToken _cancellationToken;
    readonly Channel<Piece> _pieces;
    readonly SampleIntake[] _parts;
    readonly Task _reading;

    /// <summary>Whole lines.</summary>
    readonly record struct Piece(RentedBytes Bytes, int Length, int FirstLine, bool IsLast);

    /// <summary>Starts readers.</summary>
    /// <param name="format">What the lines are written in.</param>
    /// <param name="intake">What became of the lines so far.</param>
    /// <param name="cancellationToken">Stops them before their next turn.</param>
    public LineReaders(SampleFormat format, SampleIntake intake, CancellationToken cancellationToken = default)
    {
        _format = format;
        _cancellationToken = cancellationToken;
        NextLine = intake.NextItem;

        // One piece for each reader waits, so that none has to; and no more, for their memory's sake.
        _pieces = Channel.CreateBounded<Piece>(new BoundedChannelOptions(Cores) { SingleWriter = true });
        _parts = new SampleIntake[Cores];
        for (var i = 0; i < _parts.Length; i++)
        {
            _parts[i] = new SampleIntake();
            _parts[i].Begin(intake.Accepted, intake.Names, intake.Room);
        }

        _reading = Task.WhenAll(Array.ConvertAll(_parts, part => Task.Run(() => ReadAsync(part))));
    }

    /// <summary>The number of the first line that has not been given to them.</summary>
    public int NextLine { get; private set; }

    /// <summary>Gives the next lines of the body to whichever reader is free; waits while none is.</summary>
    /// <param name="bytes">The memory of the lines, which is given back afterwards.</param>
    /// <param name="length">How much of it they take.</param>
    /// <param name="isLast">Whether the body ends with them.</param>
    public ValueTask AddAsync(RentedBytes bytes, int length, bool isLast)
    {
        var piece = new Piece(bytes, length, NextLine, isLast);
        NextLine += bytes.Array.AsSpan(0, length).Count((byte)'\n');
        return _pieces.Writer.WriteAsync(piece);
    }

    /// <summary>Waits for the readers and takes over what they have read. The order of the rows is lost, which means nothing to a table.</summary>
    /// <param name="intake">Where it goes.</param>
    public async Task EndAsync(SampleIntake intake)
    {
        _pieces.Writer.TryComplete();
        await _reading;
        foreach (var part in _parts)
        {
            intake.Append(part);
        }
    }

    /// <summary>Waits for the readers and forgets what they have read.</summary>
    public async ValueTask DisposeAsync()
    {
        _pieces.Writer.TryComplete();
        await _reading;
        foreach (var part in _parts)
        {
            part.TryReset();
        }
    }

    async Task ReadAsync(SampleIntake part)
    {
        try
        {
            await foreach (var piece in _pieces.Reader.ReadAllAsync())
            {
                using var bytes = piece.Bytes;
                part.NextItem = piece.FirstLine;
                await PieceReader.ReadInTurnAsync(bytes.Array.AsMemory(0, piece.Length), piece.IsLast, _format, part, _cancellationToken);
            }
        }
        catch (Exception e)
        {
            // Whoever brings the next piece must not wait for ever.
            _pieces.Writer.TryComplete(e);
            throw;
        }
    }
}
