namespace MetricsFunctions.Ingestion.Formats.InfluxLine;

/// <summary>What the timestamps of a body count.</summary>
/// <param name="perMillisecond">How many of them are a millisecond; 1 for coarser ones, and 0 when each timestamp tells by its size.</param>
/// <param name="milliseconds">How many milliseconds one of them is; 1 for finer ones.</param>
readonly struct TimeUnit(long perMillisecond, long milliseconds)
{
    public static readonly TimeUnit Nanosecond = new(1_000_000, 1);
    public static readonly TimeUnit Microsecond = new(1000, 1);
    public static readonly TimeUnit Millisecond = new(1, 1);
    public static readonly TimeUnit Second = new(1, 1000);
    public static readonly TimeUnit Minute = new(1, 60 * 1000);
    public static readonly TimeUnit Hour = new(1, 60 * 60 * 1000);

    /// <summary>
    /// Seconds to nanoseconds, whichever makes a timestamp a time before 2128
    /// (<see href="https://docs.influxdata.com/influxdb3/core/write-data/http-api/v3-write-lp/"/>).
    /// </summary>
    public static readonly TimeUnit BySize = new(0, 1);

    /// <summary>The Unix milliseconds of a timestamp, rounded down; those beyond 64 bits are their first or last.</summary>
    /// <param name="timestamp">How many of this unit.</param>
    public long ToMilliseconds(long timestamp)
    {
        if (perMillisecond == 0)
        {
            return Math.Abs(timestamp / 5_000_000_000) switch
            {
                0 => Second.ToMilliseconds(timestamp),
                < 1000 => timestamp,
                < 1_000_000 => Microsecond.ToMilliseconds(timestamp),
                _ => Nanosecond.ToMilliseconds(timestamp),
            };
        }

        if (perMillisecond > 1)
        {
            var (quotient, remainder) = Math.DivRem(timestamp, perMillisecond);
            return remainder < 0 ? quotient - 1 : quotient;
        }

        return timestamp > long.MaxValue / milliseconds ? long.MaxValue
            : timestamp < long.MinValue / milliseconds ? long.MinValue
            : timestamp * milliseconds;
    }
}
