namespace MetricsFunctions.Ingestion.Samples;

/// <summary>The span of time that a request's samples may lie in, taken once when the request arrives.</summary>
readonly struct AcceptedTime
{
    /// <summary>How far ahead of the server's clock a sample may be: room for clocks that are not quite right.</summary>
    public static readonly TimeSpan MaxAhead = TimeSpan.FromMinutes(10);

    readonly long _oldest;
    readonly long _newest;

    /// <summary>Takes the span around an instant.</summary>
    /// <param name="now">The time of receipt.</param>
    /// <param name="maxAge">The oldest accepted age, <see cref="IngestionOptions.MaxSampleAge"/>.</param>
    public AcceptedTime(DateTimeOffset now, TimeSpan maxAge)
    {
        Now = now.ToUnixTimeMilliseconds();
        _oldest = Now - (long)maxAge.TotalMilliseconds;
        _newest = Now + (long)MaxAhead.TotalMilliseconds;
    }

    /// <summary>The time of receipt in Unix milliseconds.</summary>
    public long Now { get; }

    /// <summary>Answers <see langword="null"/> for an acceptable time, and otherwise a clause that follows the field's name.</summary>
    /// <param name="timestamp">Unix milliseconds.</param>
    public string? Check(long timestamp) =>
        timestamp < _oldest ? "is older than the stored history reaches (Ingestion:MaxSampleAge)"
        : timestamp > _newest ? "is more than 10 minutes ahead of the server's clock"
        : null;

    /// <summary>Whether a number could be an acceptable time in seconds, milliseconds, microseconds or nanoseconds, and so in the wrong unit.</summary>
    /// <param name="number">The number.</param>
    public bool WouldTake(long number) =>
        (number is > 0 and < long.MaxValue / 1000 && Check(number * 1000) is null)
        || Check(number) is null
        || Check(number / 1000) is null
        || Check(number / 1_000_000) is null;
}
