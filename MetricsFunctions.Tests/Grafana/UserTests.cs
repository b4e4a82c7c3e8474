using MetricsFunctions.Tests.Standalone;

namespace MetricsFunctions.Tests.Grafana;

/// <summary>What the users of <c>clickhouse/users.d</c> may and may not do.</summary>
public sealed class UserTests(ComposedClickHouse clickHouse) : IClassFixture<ComposedClickHouse>
{
    const string Insert = "INSERT INTO metrics.samples (metric_name, metric_value) VALUES ('of a user', 1)";

    [Fact]
    public async Task Ingest_inserts_and_reads_no_sample()
    {
        await AssertAllowedAsync(clickHouse.AsIngestAsync(Insert));
        Assert.Equal("1", await clickHouse.AsAdministratorAsync("SELECT count() FROM metrics.samples WHERE metric_name = 'of a user'"));
        await AssertRefusedAsync(clickHouse.AsIngestAsync("SELECT count(metric_value) FROM metrics.samples"));
        await AssertRefusedAsync(clickHouse.AsIngestAsync("TRUNCATE TABLE metrics.samples"));
        await AssertRefusedAsync(clickHouse.AsIngestAsync("SELECT * FROM system.query_log"));
    }

    [Fact]
    public async Task Grafana_reads_and_writes_nothing()
    {
        await AssertAllowedAsync(clickHouse.AsGrafanaAsync("SELECT count() FROM metrics.samples", "&max_execution_time=60"));
        await AssertRefusedAsync(clickHouse.AsGrafanaAsync(Insert));
        await AssertRefusedAsync(clickHouse.AsGrafanaAsync("TRUNCATE TABLE metrics.samples"));
        await AssertRefusedAsync(clickHouse.AsGrafanaAsync("SELECT * FROM system.users"));
        await AssertRefusedAsync(clickHouse.AsGrafanaAsync("SELECT 1", "&max_execution_time=61"), 452);
        await AssertRefusedAsync(clickHouse.AsGrafanaAsync("SELECT 1", "&max_memory_usage=2000000000"), 164);
    }

    // What the engine itself makes of the files: no more rights than those that it lists.
    [Fact]
    public async Task Neither_has_more_than_it_needs()
    {
        Assert.Equal(
            "GRANT INSERT, SELECT(metric_name, received_at, request_id, timestamp) ON metrics.samples TO ingest\nGRANT SELECT(query_id, query_kind, user) ON system.processes TO ingest",
            await clickHouse.AsAdministratorAsync("SHOW GRANTS FOR ingest"));
        Assert.Equal(
            ["metrics.*", "system.disks", "system.error_log", "system.errors", "system.merges", "system.part_log", "system.parts", "system.query_log"],
            (await clickHouse.AsAdministratorAsync("SHOW GRANTS FOR grafana")).Split('\n').Select(grant =>
            {
                Assert.StartsWith("GRANT SELECT ON ", grant, StringComparison.Ordinal);
                Assert.EndsWith(" TO grafana", grant, StringComparison.Ordinal);
                return grant[16..^11];
            }).Order(StringComparer.Ordinal));
        Assert.Equal(
            "[]\t['localhost']\t[]\t[]",
            await clickHouse.AsAdministratorAsync("SELECT host_ip, host_names, host_names_regexp, host_names_like FROM system.users WHERE name = 'default'"));
    }

    // Ways out of a database: to other tables, files, servers and users.
    [Theory]
    [InlineData("CREATE TABLE metrics.another (x Int8) ENGINE = Memory")]
    [InlineData("CREATE DATABASE another")]
    [InlineData("CREATE USER another")]
    [InlineData("ALTER TABLE metrics.samples MODIFY TTL timestamp + INTERVAL 1 DAY")]
    [InlineData("ALTER TABLE metrics.samples DELETE WHERE 1")]
    [InlineData("DROP TABLE metrics.samples")]
    [InlineData("SYSTEM STOP MERGES metrics.samples")]
    [InlineData("SYSTEM SHUTDOWN")]
    [InlineData("KILL QUERY WHERE 1")]
    [InlineData("GRANT SELECT ON metrics.samples TO ingest")]
    [InlineData("SELECT * FROM file('/etc/passwd', 'LineAsString')")]
    [InlineData("SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')")]
    [InlineData("SELECT * FROM remote('127.0.0.1:1', system.one)")]
    [InlineData("SELECT * FROM executable('x', 'LineAsString', 'x String')")]
    [InlineData("INSERT INTO metrics.samples (metric_name) SELECT query FROM system.query_log")]
    [InlineData("INSERT INTO FUNCTION url('http://127.0.0.1:1/', 'LineAsString', 'x String') VALUES ('x')")]
    public async Task Neither_gets_out_of_its_tables(string sql)
    {
        await AssertRefusedAsync(clickHouse.AsIngestAsync(sql));
        await AssertRefusedAsync(clickHouse.AsGrafanaAsync(sql));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_service_needs_no_more_than_ingest_has(bool singleInstance)
    {
        var url = $"http://127.0.0.1:{Ports.Free()}";
        using var standalone = StandaloneProcess.Start(
            ("Urls", url), ("Ingestion__AllowAnonymous", "true"), ("Ingestion__SingleInstance", $"{singleInstance}"),
            ("ConnectionStrings__ClickHouse", clickHouse.IngestConnectionString));
        await standalone.StartedAsync();
        using var http = new HttpClient { BaseAddress = new Uri(url) };
        using var ready = await http.GetAsync(new Uri("/api/health/ready", UriKind.Relative));
        Assert.True(ready.IsSuccessStatusCode, await ready.Content.ReadAsStringAsync());
        foreach (var key in new[] { null, "a key" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v2/write") { Content = new StringContent($"of_the_service{singleInstance} value=1") };
            request.Headers.Add("Idempotency-Key", key is null ? [] : [key]);
            using var response = await http.SendAsync(request);
            Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        }

        Assert.Equal("2", await clickHouse.AsAdministratorAsync($"SELECT count() FROM metrics.samples WHERE metric_name = 'of_the_service{singleInstance}'"));
    }

    [Fact]
    public async Task A_wrong_password_is_refused()
    {
        using var http = new HttpClient();
        foreach (var user in new[] { "ingest", "grafana" })
        {
            using var response = await http.GetAsync(new Uri($"http://127.0.0.1:{clickHouse.Server.HttpPort}/?user={user}&password=&query=SELECT+1"));
            Assert.False(response.IsSuccessStatusCode);
        }
    }

    static async Task AssertAllowedAsync(Task<HttpResponseMessage> answer)
    {
        using var response = await answer;
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    static async Task AssertRefusedAsync(Task<HttpResponseMessage> answer, params int[] codes)
    {
        using var response = await answer;
        var code = response.Headers.TryGetValues("X-ClickHouse-Exception-Code", out var values) ? int.Parse(values.Single(), null) : 0;
        // Not enough privileges, or read-only.
        Assert.Contains(code, codes.Length > 0 ? codes : [497, 164]);
    }
}
