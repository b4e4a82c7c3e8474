using System.Text.RegularExpressions;

namespace MetricsFunctions.Tests.Cluster;

/// <summary>The schema of a cluster against that of a server alone: the same columns, and the same tables but for what replication takes.</summary>
public sealed partial class ClusterSchemaTests(IngestionHost alone) : IClassFixture<IngestionHost>
{
    [Fact]
    public async Task A_shard_has_the_tables_of_a_server_alone()
    {
        await using var zooKeeper = await ZooKeeper.StartAsync();
        await using var cluster = await ShardedClickHouse.StartAsync(1, zooKeeper);

        Assert.Equal(await alone.QueryAsync(Columns("samples")), await cluster.QueryAsync(0, Columns("samples_local")));
        Assert.Equal(await alone.QueryAsync(Columns("samples")), await cluster.QueryAsync(0, Columns("samples")));
        Assert.Equal(await alone.QueryAsync(Projections("samples")), await cluster.QueryAsync(0, Projections("samples_local")));
        Assert.Equal(await alone.QueryAsync(Columns("points")), await cluster.QueryAsync(0, Columns("points")));

        var ordinary = await alone.QueryAsync(Engine("samples"));
        var replicated = await cluster.QueryAsync(0, Engine("samples_local"));
        Assert.StartsWith($"Replicated{ordinary.Split(' ')[0]}('/clickhouse/tables/", replicated, StringComparison.Ordinal);
        Assert.Equal(Key().Match(ordinary).Value, Key().Match(replicated).Value);
        Assert.Contains("PARTITION BY", Key().Match(ordinary).Value, StringComparison.Ordinal);
        Assert.Equal(
            "/clickhouse/tables/metrics/1/metrics.samples_local\ta",
            await cluster.QueryAsync(0, "SELECT zookeeper_path, replica_name FROM system.replicas WHERE table = 'samples_local'"));
        Assert.Equal(
            "Distributed('{cluster}', 'metrics', 'samples_local', cityHash64(metric_name, tags))", await cluster.QueryAsync(0, Engine("samples")));
    }

    [Fact]
    public async Task Each_statement_can_be_sent_to_all_servers_at_once()
    {
        // This engine carries none out on a cluster; but it can tell whether they are right.
        foreach (var statement in ClusterSchema.Statements("metrics"))
        {
            Assert.Contains(" ON CLUSTER 'metrics'", statement, StringComparison.Ordinal);
            await alone.QueryAsync($"EXPLAIN AST {statement}");
        }

        Assert.Equal(ClusterSchema.Statements(), ClusterSchema.Statements("metrics").Select(statement => statement.Replace(" ON CLUSTER 'metrics'", "", StringComparison.Ordinal)));
    }

    static string Columns(string table) => $"""
        SELECT name, type, default_kind, default_expression, comment, compression_codec FROM system.columns
        WHERE database = 'metrics' AND table = '{table}' ORDER BY position
        """;

    static string Engine(string table) => $"SELECT engine_full FROM system.tables WHERE database = 'metrics' AND name = '{table}' FORMAT TSVRaw";

    static string Projections(string table) => $"SELECT name, query FROM system.projections WHERE database = 'metrics' AND table = '{table}' ORDER BY name";

    // Everything between the engine and the settings.
    [GeneratedRegex(@"PARTITION BY .*(?= SETTINGS)")]
    private static partial Regex Key();
}
