using System.Diagnostics;
using System.Globalization;
using ClickHouse.Driver;

namespace MetricsFunctions.Benchmarks.Growth;

/// <summary>
/// A year of samples as <c>demo/generate-year</c> has it, 20 metrics of two hosts each, made by ClickHouse itself.
/// The number of series stays, their samples come closer.
/// </summary>
static class YearOfSamples
{
    public const int Series = 2 * Metrics;
    public const int Days = 7 * Weeks;

    const int Metrics = 20;
    const int Weeks = 52;
    const int HoursOfWeek = 7 * 24;

    // A part of a week's samples has as many, or all of them where they are fewer.
    const int RowsOfBlock = 2_000_000;
    const int Inserts = 2;

    /// <summary>What the metrics are called, in the order of their names.</summary>
    public static string[] MetricNames { get; } = [.. Enumerable.Range(1, Metrics).Select(metric => string.Create(CultureInfo.InvariantCulture, $"year_{metric:00}"))];

    /// <summary>The values of the tag <c>host</c>.</summary>
    public static string[] Hosts { get; } = ["a1", "a2"];

    /// <summary>Fills the table.</summary>
    /// <param name="clickHouse">Where it is.</param>
    /// <param name="rows">How many samples.</param>
    /// <param name="end">The end of the year, in whole hours; in the past.</param>
    /// <param name="stop">Stops in the middle.</param>
    /// <returns>How long it took.</returns>
    public static async Task<TimeSpan> FillAsync(ClickHouseClient clickHouse, long rows, DateTimeOffset end, CancellationToken stop)
    {
        var watch = Stopwatch.StartNew();
        var settings = new QueryOptions
        {
            CustomSettings = new Dictionary<string, object>
            {
                ["max_insert_block_size"] = RowsOfBlock,
                ["min_insert_block_size_rows"] = RowsOfBlock,
                ["min_insert_block_size_bytes"] = 0,
                ["max_threads"] = 1,
            },
        };

        // A week touches at most two months, and its INSERT no other partitions.
        await Parallel.ForAsync(0, Weeks, new ParallelOptions { MaxDegreeOfParallelism = Inserts, CancellationToken = stop }, async (week, cancel) =>
        {
            var start = end.AddDays(-7 * (Weeks - week)).ToUnixTimeSeconds();
            var count = rows * (week + 1) / Weeks - rows * week / Weeks;
            await clickHouse.ExecuteNonQueryAsync(InsertOfWeek(week, start, count), null, settings, cancel);
        });
        return watch.Elapsed;
    }

    // In the order of the table's key (metric, hour, host, time), which saves the sorting. Times are a few milliseconds late, as those of real
    // senders are: at equal distances they would compress to nothing.
    static string InsertOfWeek(int week, long start, long count) => string.Create(CultureInfo.InvariantCulture, $"""
        INSERT INTO metrics.samples (metric_name, tags, timestamp, metric_value, received_at)
        WITH
            number * ({Series * HoursOfWeek} / {count})                                     AS place,
            toUInt32(floor(place))                                                          AS hour_of_series,
            intDiv(hour_of_series, 2 * {HoursOfWeek}) + 1                                   AS metric,
            {start} + 3600 * (intDiv(hour_of_series, 2) % {HoursOfWeek} + place - hour_of_series) AS at
        SELECT
            format('year_{"{}"}', leftPad(toString(metric), 2, '0'))                          AS metric_name,
            map('host', if(hour_of_series % 2 = 0, 'a1', 'a2'))                             AS tags,
            fromUnixTimestamp64Milli(toInt64(1000 * at) + cityHash64(number) % 16)          AS timestamp,
            round(metric * (10 + 4 * sin(6.283185 * at / 86400) + {week} / 26) + (sipHash64(number) % 1000) / 500, 3) AS metric_value,
            timestamp + toIntervalMillisecond(1 + sipHash64(number) % 16)                   AS received_at
        FROM numbers({count})
        """);
}
