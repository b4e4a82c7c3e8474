using System.Globalization;
using System.Text.Json.Nodes;

namespace MetricsFunctions.Tests.Grafana;

/// <summary>The alert rules about the service itself: each fires when it has to, and no other does.</summary>
public sealed class AlertTests(ComposedClickHouse clickHouse) : IClassFixture<ComposedClickHouse>
{
    static readonly string[] Uids = ["no-inserts", "no-samples", "queue-half-full", "slow-inserts", "unavailable"];

    static readonly (string Name, string Tags, int Value)[] Healthy =
    [
        .. OwnFigures.All.Where(figure => !figure.Tags.Contains("'503'", StringComparison.Ordinal)).Select(figure => figure.Name switch
        {
            "metrics_functions_queue_usage_bytes" => figure with { Value = 1000 },
            "db_client_operation_duration_seconds_bucket" => figure with { Value = 10 },
            _ => figure,
        }),
    ];

    [Fact]
    public async Task Each_fires_in_its_own_case()
    {
        await EmptyAsync();
        Assert.Equal(["no-samples"], await FiringAsync());

        // The service alone is nobody's sample.
        await StoreAsync(Healthy, minutesAgo: 0);
        Assert.Equal(["no-samples"], await FiringAsync());

        await StoreSampleAsync();
        Assert.Empty(await FiringAsync());

        await StoreAsync(OwnFigures.All.Except(Healthy).Where(figure => figure.Tags.Contains("'503'", StringComparison.Ordinal)), minutesAgo: 0);
        Assert.Equal(["unavailable"], await FiringAsync());

        await StoreAsync(OwnFigures.All.Where(figure => figure.Name.Contains("_queue_", StringComparison.Ordinal)), minutesAgo: 0);
        Assert.Equal(["queue-half-full", "unavailable"], await FiringAsync());

        await StoreAsync(OwnFigures.All.Where(figure => figure.Name.StartsWith("db_", StringComparison.Ordinal)), minutesAgo: 0);
        Assert.Equal(["queue-half-full", "slow-inserts", "unavailable"], await FiringAsync());

        await EmptyAsync();
        await StoreAsync(OwnFigures.All, minutesAgo: 7);
        await StoreSampleAsync();
        Assert.Equal(["no-inserts"], await FiringAsync());
    }

    async Task<List<string>> FiringAsync()
    {
        var firing = new List<string>();
        foreach (var rule in GrafanaFiles.Rules.Where(rule => Uids.Contains(rule["uid"]!.GetValue<string>())))
        {
            var rows = new List<JsonArray>();
            await clickHouse.ColumnsAsync(rule["data"]![0]!["model"]!["rawSql"]!.GetValue<string>(), rows);
            var value = double.Parse(rows.Single().Single()!.ToString(), CultureInfo.InvariantCulture);
            var evaluator = rule["data"]![1]!["model"]!["conditions"]![0]!["evaluator"]!;
            var threshold = evaluator["params"]![0]!.GetValue<double>();
            if (evaluator["type"]!.GetValue<string>() == "lt" ? value < threshold : value > threshold)
            {
                firing.Add(rule["uid"]!.GetValue<string>());
            }
        }

        Assert.Equal(Uids, GrafanaFiles.Rules.Select(rule => rule["uid"]!.GetValue<string>()).Intersect(Uids).Order(StringComparer.Ordinal));
        return [.. firing.Order(StringComparer.Ordinal)];
    }

    Task<string> EmptyAsync() => clickHouse.AsAdministratorAsync("TRUNCATE TABLE metrics.samples");

    Task<string> StoreSampleAsync() => clickHouse.AsAdministratorAsync("INSERT INTO metrics.samples (metric_name, metric_value) VALUES ('of somebody', 1)");

    Task<string> StoreAsync(IEnumerable<(string Name, string Tags, int Value)> figures, int minutesAgo) => clickHouse.AsAdministratorAsync($"""
        INSERT INTO metrics.samples (metric_name, tags, timestamp, metric_value) VALUES
        {string.Join(", ", figures.Select(figure => $"('{figure.Name}', {figure.Tags}, now64(3) - INTERVAL {minutesAgo} MINUTE, {figure.Value})"))}
        """);
}
