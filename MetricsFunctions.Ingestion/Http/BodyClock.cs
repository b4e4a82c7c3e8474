namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// Times the reading of a body as chess is timed: sender and service have a clock each, and one of the two runs at a time. So nobody is told to be slow for
/// what the other one took.
/// </summary>
sealed class BodyClock : IDisposable
{
    readonly TimeProvider _time;
    readonly CancellationTokenSource _over;
    readonly TimeSpan _longestPause;
    TimeSpan _senderLeft;
    TimeSpan _serviceLeft;
    long _since;

    /// <summary>Starts the service's clock.</summary>
    /// <param name="options">How long the two may take.</param>
    /// <param name="time">What both go by.</param>
    public BodyClock(IngestionOptions options, TimeProvider time)
    {
        _time = time;
        _since = time.GetTimestamp();
        _senderLeft = options.BodyTimeout;
        _longestPause = LongestPause(options);
        _serviceLeft = options.WriteTimeout;
        _over = new CancellationTokenSource(_serviceLeft, time);
    }

    /// <summary>Cancelled when one of the two has no time left.</summary>
    public CancellationToken Over => _over.Token;

    /// <summary>Whether the sender's clock runs, or was the last one that did.</summary>
    public bool IsSenders { get; private set; }

    // After an outage of the network, TCP takes as long again to send on: this is one of a third of the time.
    /// <summary>How long a sender may send nothing.</summary>
    public static TimeSpan LongestPause(IngestionOptions options) => options.BodyTimeout * 2 / 3;

    /// <summary>The service waits for the sender from now on.</summary>
    public void WaitForSender()
    {
        _serviceLeft -= Lap();
        IsSenders = true;
        CancelAfter(_senderLeft < _longestPause ? _senderLeft : _longestPause);
    }

    /// <summary>Something has arrived.</summary>
    public void GoOn()
    {
        _senderLeft -= Lap();
        IsSenders = false;
        CancelAfter(_serviceLeft);
    }

    public void Dispose() => _over.Dispose();

    TimeSpan Lap()
    {
        var now = _time.GetTimestamp();
        var lap = _time.GetElapsedTime(_since, now);
        _since = now;
        return lap;
    }

    void CancelAfter(TimeSpan left) => _over.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
}
