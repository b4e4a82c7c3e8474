namespace MetricsFunctions.Tests.Grafana;

/// <summary>What the users of <c>clickhouse/users.d</c> may and may not do.</summary>
public sealed class UserTests(ComposedClickHouse clickHouse) : IClassFixture<ComposedClickHouse>
{
    const string Insert = "INSERT INTO metrics.samples (metric_name, metric_value) VALUES ('of a user', 1)";

    [Fact]
    public async Task Ingest_inserts_and_does_nothing_else()
    {
        await AssertAllowedAsync(clickHouse.AsIngestAsync(Insert));
        Assert.Equal("1\t1", await clickHouse.AsAdministratorAsync(
            "SELECT (SELECT sum(count) FROM metrics.samples_1m WHERE metric_name = 'of a user'), (SELECT sum(count) FROM metrics.samples_1h WHERE metric_name = 'of a user')"));
        await AssertRefusedAsync(clickHouse.AsIngestAsync("SELECT count(metric_value) FROM metrics.samples"));
        await AssertRefusedAsync(clickHouse.AsIngestAsync("INSERT INTO metrics.samples_rollup (metric_name) VALUES ('x')"));
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
