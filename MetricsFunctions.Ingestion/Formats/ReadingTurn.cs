namespace MetricsFunctions.Ingestion.Formats;

/// <summary>
/// A large body's turn to be read. Few are read at a time, each until it is done or waits for its sender: if all went on together, all would be half
/// read when there is no more memory.
/// </summary>
/// <param name="cancellationToken">Stops the waiting for it.</param>
sealed class ReadingTurn(CancellationToken cancellationToken) : IDisposable
{
    static readonly SemaphoreSlim Turns = new(2 * PieceReader.Cores);

    bool _isNeeded;
    bool _isHad;

    /// <summary>Waits for the turn, unless the body has it.</summary>
    public async ValueTask TakeAsync()
    {
        _isNeeded = true;
        if (!_isHad)
        {
            await Turns.WaitAsync(cancellationToken);
            _isHad = true;
        }
    }

    /// <summary>Gives the turn away while the body waits for its sender.</summary>
    public void Pause()
    {
        if (_isHad)
        {
            _isHad = false;
            Turns.Release();
        }
    }

    /// <summary>Waits for the turn again, if the body needs it.</summary>
    public ValueTask ResumeAsync() => _isNeeded ? TakeAsync() : default;

    /// <summary>Gives the turn away.</summary>
    public void Dispose() => Pause();
}
