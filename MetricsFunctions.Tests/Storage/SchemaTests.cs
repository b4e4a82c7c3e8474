using System.Globalization;
using System.Text.RegularExpressions;
using ClickHouse.Driver;
using MetricsFunctions.Ingestion;
using MetricsFunctions.Ingestion.Storage;

namespace MetricsFunctions.Tests.Storage;

public sealed partial class SchemaTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    [Fact]
    public async Task Applying_the_schema_again_changes_nothing()
    {
        const string Definitions = "SELECT name, create_table_query, uuid FROM system.tables WHERE database = 'metrics' ORDER BY name";
        using var stored = await host.PostAsync("""{"metric_name": "kept", "metric_value": 1}""");
        Assert.True(stored.IsSuccessStatusCode);
        var before = await host.QueryAsync(Definitions);

        using var client = new ClickHouseClient(host.ClickHouse.ConnectionString);
        await Schema.ApplyAsync(client);

        Assert.Equal(before, await host.QueryAsync(Definitions));
        Assert.Equal("1", await host.QueryAsync("SELECT count() FROM metrics.samples WHERE metric_name = 'kept'"));
    }

    [Fact]
    public async Task The_table_keeps_what_is_accepted()
    {
        var definition = await host.QueryAsync("SELECT engine_full FROM system.tables WHERE database = 'metrics' AND name = 'samples' FORMAT TSVRaw");
        var years = int.Parse(TimeToLive().Match(definition).Groups["years"].Value, CultureInfo.InvariantCulture);
        Assert.Equal(5, years);
        Assert.InRange(new IngestionOptions().MaxSampleAge, TimeSpan.Zero, TimeSpan.FromDays(365 * years));
    }

    [Fact]
    public async Task A_row_fills_every_column_of_the_table()
    {
        var columns = await host.QueryAsync("SELECT name FROM system.columns WHERE database = 'metrics' AND table = 'samples' ORDER BY position");
        Assert.Equal(columns.Split('\n'), NativeBlocks.Columns);
    }

    [Fact]
    public async Task A_column_without_request_ids_takes_no_room()
    {
        await host.QueryAsync("INSERT INTO metrics.samples (metric_name, metric_value) SELECT 'without', number FROM numbers(100000)");
        Assert.Equal("Sparse\t1", await host.QueryAsync("""
            SELECT any(serialization_kind), max(column_bytes_on_disk) < 1000 FROM system.parts_columns
            WHERE active AND database = 'metrics' AND table = 'samples' AND column = 'request_id' AND rows >= 100000
            """));
    }

    [GeneratedRegex(@"TTL toDateTime\(timestamp\) \+ toIntervalYear\((?<years>\d+)\)")]
    private static partial Regex TimeToLive();
}
