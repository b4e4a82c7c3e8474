using System.Text.RegularExpressions;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Tests.EmbeddedClickHouse;

namespace MetricsFunctions.Tests.Cluster;

/// <summary>
/// Servers that are the shards of one cluster, with the users of clickhouse/cluster. This engine has no port for other replicas, and without
/// one a replicated table takes no INSERT; so each shard is one server, and its tables are plain unless a test wants them replicated.
/// </summary>
sealed partial class ShardedClickHouse : IAsyncDisposable
{
    // The passwords of the users are the environment's, and so all tests' alike.
    const string IngestPassword = "of ingest";
    const string GrafanaPassword = "of grafana";

    readonly HttpClient _http = new();
    readonly List<TemporaryFolder> _folders = [];
    readonly List<ClickHouseServer> _servers = [];

    ShardedClickHouse()
    {
    }

    public IReadOnlyList<ClickHouseServer> Servers => _servers;

    /// <summary>Starts the servers and gives them their tables.</summary>
    /// <param name="shards">How many.</param>
    /// <param name="zooKeeper">Where replicated tables are coordinated; without it they are plain.</param>
    public static async Task<ShardedClickHouse> StartAsync(int shards, ZooKeeper? zooKeeper = null)
    {
        Environment.SetEnvironmentVariable("CLICKHOUSE_INGEST_PASSWORD", IngestPassword);
        Environment.SetEnvironmentVariable("CLICKHOUSE_GRAFANA_PASSWORD", GrafanaPassword);
        Environment.SetEnvironmentVariable("CLICKHOUSE_INSERT_QUORUM", "0");
        var cluster = new ShardedClickHouse();
        try
        {
            var ports = Enumerable.Range(0, shards).Select(_ => Ports.Free()).ToArray();
            for (var shard = 0; shard < shards; shard++)
            {
                var data = cluster.Add(new TemporaryFolder());
                cluster._servers.Add(await ClickHouseServer.StartAsync(new ClickHouseServerOptions
                {
                    DataPath = data.Path,
                    HttpPort = Ports.Free(),
                    TcpPort = ports[shard],
                    ConfigurationPath = cluster.Configure(ports, shard, zooKeeper),
                }));
            }

            foreach (var server in cluster._servers)
            {
                foreach (var statement in ClusterSchema.Statements())
                {
                    await ClickHouseSql.QueryAsync(server, zooKeeper is null ? Plain(statement) : statement);
                }
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The connection string of the service, which inserts through one of the servers.</summary>
    public string ConnectionString(int server) => $"Host=127.0.0.1;Port={_servers[server].HttpPort};Username=ingest;Password={IngestPassword}";

    /// <summary>Runs SQL as Grafana's user, with the setting that its plugin sends along.</summary>
    public Task<HttpResponseMessage> AsGrafanaAsync(int server, string sql) =>
        _http.PostAsync(new Uri($"http://127.0.0.1:{_servers[server].HttpPort}/?user=grafana&password={GrafanaPassword}&max_execution_time=30"), new StringContent(sql));

    /// <summary>Runs SQL on one of the servers.</summary>
    public Task<string> QueryAsync(int server, string sql) => ClickHouseSql.QueryAsync(_servers[server], sql);

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        _folders.ForEach(folder => folder.Dispose());
    }

    string Configure(int[] ports, int shard, ZooKeeper? zooKeeper)
    {
        var folder = Add(ServerConfiguration.Copy()).Path;
        foreach (var file in new[] { "cluster/users.d/ingest.xml", "users.d/grafana.xml" })
        {
            File.Copy(Path.Combine(Repository.Root, "clickhouse", file), Path.Combine(folder, "users.d", Path.GetFileName(file)));
        }

        Directory.CreateDirectory(Path.Combine(folder, "config.d"));
        File.WriteAllText(Path.Combine(folder, "config.d", "cluster.xml"), $"""
            <clickhouse>
              <macros><cluster>metrics</cluster><shard>{shard + 1}</shard><replica>a</replica></macros>
              <remote_servers>
                <metrics>
                  <secret>secret</secret>
                  {string.Concat(ports.Select(port => $"""
                  <shard>
                    <internal_replication>true</internal_replication>
                    <replica><host>127.0.0.1</host><port>{port}</port></replica>
                  </shard>
                  """))}
                </metrics>
              </remote_servers>
              {(zooKeeper is null ? "" : $"<zookeeper><node><host>127.0.0.1</host><port>{zooKeeper.Port}</port></node></zookeeper>")}
            </clickhouse>
            """);
        return folder;
    }

    TemporaryFolder Add(TemporaryFolder folder)
    {
        _folders.Add(folder);
        return folder;
    }

    static string Plain(string statement) =>
        Deduplication().Replace(ReplicatedEngine().Replace(statement, "ENGINE = $1"), "non_replicated_deduplication_window = $1");

    [GeneratedRegex(@"ENGINE = Replicated(\w+)\('.*'\)")]
    private static partial Regex ReplicatedEngine();

    [GeneratedRegex(@"replicated_deduplication_window = (\d+),\s+replicated_deduplication_window_seconds = \d+")]
    private static partial Regex Deduplication();
}
