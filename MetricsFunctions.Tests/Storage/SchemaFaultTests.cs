using System.Net;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Tests.Telemetry;

namespace MetricsFunctions.Tests.Storage;

/// <summary>A table, or a view on it, that does not fit what is inserted: somebody has to mend it, and no second attempt helps.</summary>
public sealed class SchemaFaultTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    const string Sample = """{"metric_name": "misfit", "metric_value": 1}""";
    const string AddColumn = "ALTER TABLE metrics.samples ADD COLUMN received_at ";
    const string RightColumn = "DateTime64(3, 'UTC') DEFAULT now64(3)";

    [Fact]
    public async Task Codes_have_the_names_that_ClickHouse_has_for_them()
    {
        var errors = Enum.GetValues<ClickHouseError>();
        var names = await host.QueryAsync($"SELECT arrayStringConcat(arrayMap(code -> errorCodeToName(code), [{string.Join(',', errors.Cast<int>())}]), ',')");
        Assert.Equal(string.Join(',', errors).ToUpperInvariant(), names.Replace("_", "", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Array(DateTime)")]
    [InlineData("IPv4")]
    [InlineData("Enum8('a' = 1)")]
    [InlineData("DateTime64(3) MATERIALIZED now64(3)")]
    [InlineData("DateTime64(3) ALIAS now64(3)")]
    public async Task A_column_that_is_missing_or_another_is_told_and_not_tried_again(string column)
    {
        await host.QueryAsync("ALTER TABLE metrics.samples DROP COLUMN received_at");
        if (column.Length > 0)
        {
            await host.QueryAsync(AddColumn + column);
        }

        await AssertToldAsync();
        if (column.Length > 0)
        {
            await host.QueryAsync("ALTER TABLE metrics.samples DROP COLUMN received_at");
        }

        await host.QueryAsync(AddColumn + RightColumn);
        await AssertStoredAsync();
    }

    [Theory]
    [InlineData("RENAME COLUMN factor TO another")]
    [InlineData("MODIFY COLUMN factor String")]
    public async Task So_is_a_view_that_asks_for_such_a_column(string change)
    {
        await host.QueryAsync("CREATE TABLE metrics.factors (metric_name String, factor UInt8) ENGINE = MergeTree ORDER BY metric_name");
        await host.QueryAsync("""
            CREATE MATERIALIZED VIEW metrics.multiplied ENGINE = Null
            AS SELECT metric_value * factor AS product FROM metrics.samples JOIN metrics.factors USING metric_name
            """);
        await host.QueryAsync($"ALTER TABLE metrics.factors {change}");

        await AssertToldAsync();
        await host.QueryAsync("DROP VIEW metrics.multiplied SYNC");
        await host.QueryAsync("DROP TABLE metrics.factors SYNC");
        await AssertStoredAsync();
    }

    async Task AssertToldAsync()
    {
        using var measurements = new Measurements(host);
        using var refused = await host.PostAsync(Sample);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        var problem = await refused.Content.ReadAsStringAsync();
        Assert.Contains("a column of metrics.samples, or of a view on it, is missing or of another type", problem, StringComparison.Ordinal);
        Assert.EndsWith("error.type=wrong_schema", Assert.Single(measurements.Of("db.client.operation.duration")).Attributes, StringComparison.Ordinal);
        Assert.Empty(measurements.Of("metrics_functions.insert.retries"));
    }

    async Task AssertStoredAsync()
    {
        using var stored = await host.PostAsync(Sample);
        Assert.Equal(HttpStatusCode.OK, stored.StatusCode);
    }
}
