namespace MetricsFunctions.Tests.Grafana;

/// <summary>
/// The same with samples of a year, and with what the service would have told of itself. It takes a while, so those who only read it share one.
/// </summary>
public sealed class YearOfSamples : ComposedClickHouse
{
    /// <summary>The end of the data, and so of the time ranges: the last of the whole points of six hours, for the comparison with raw rows.</summary>
    public DateTimeOffset End { get; } = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds() / 21600 * 21600);

    public string[] Metrics { get; } = ["a metric", "it's", "load", "memory", "requests"];

    public string[] Hosts { get; } = ["a1", "b's", "c"];

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();

        // A sample each 20 minutes for a year and each second of the last ten minutes, for every metric and host; whole numbers, so that sums are exact.
        foreach (var (count, step) in new[] { (360 * 72, 1200), (600, 1) })
        {
            await AsAdministratorAsync($"""
                INSERT INTO metrics.samples (metric_name, tags, timestamp, metric_value)
                SELECT [{GrafanaSql.Quote(Metrics)}][number % 5 + 1] AS name, map('host', [{GrafanaSql.Quote(Hosts)}][intDiv(number, 5) % 3 + 1]),
                       fromUnixTimestamp64Milli(1000 * toInt64({End.ToUnixTimeSeconds()} - {step} * (1 + intDiv(number, 15)))), number % 1000
                FROM numbers(15 * {count})
                """);
        }

        // What the service would have told of itself: every ten seconds of the last six hours, which fills granules, and every 20 minutes of 40 days.
        foreach (var (count, step) in new[] { (40 * 72, 1200), (2160, 10) })
        {
            await AsAdministratorAsync($"""
                INSERT INTO metrics.samples (metric_name, tags, timestamp, metric_value)
                SELECT figure.1, figure.2, fromUnixTimestamp64Milli(1000 * toInt64({End.ToUnixTimeSeconds()} - {step} * (1 + number))), figure.3
                FROM numbers({count})
                ARRAY JOIN [{string.Join(", ", OwnFigures.All.Select(figure => $"('{figure.Name}', {figure.Tags}, {figure.Value})"))}] AS figure
                """);
        }

        // Something for the panels about errors, parts and slow queries.
        Assert.False((await AsIngestAsync("INSERT INTO metrics.samples (metric_name) VALUES (1, 2)")).IsSuccessStatusCode);
        await AsAdministratorAsync("OPTIMIZE TABLE metrics.samples FINAL");
        await AsAdministratorAsync("SYSTEM FLUSH LOGS");
    }

    /// <summary>Those who share it.</summary>
    [CollectionDefinition(nameof(YearOfSamples))]
    public sealed class Readers : ICollectionFixture<YearOfSamples>;
}
