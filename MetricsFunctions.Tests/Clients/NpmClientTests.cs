using MetricsFunctions.Tests.Http;

namespace MetricsFunctions.Tests.Clients;

/// <summary>What applications on Node.js take from npm to send metrics sends here, with nothing but the address and an API key set.</summary>
public sealed class NpmClientTests(ApiKeyTests.TwoKeys host) : IClassFixture<ApiKeyTests.TwoKeys>
{
    const string ApiKey = "old-key";

    string Url => host.Http.BaseAddress!.GetLeftPart(UriPartial.Authority);

    [Fact]
    public async Task OpenTelemetry_sends_as_the_environment_says()
    {
        using var client = NodeClient.Start(
            ["environment.mjs"],
            ("OTEL_EXPORTER_OTLP_ENDPOINT", Url),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", $"X-Api-Key={ApiKey}"),
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_SERVICE_NAME", "shop"));
        await client.ExitedAsync();
        Assert.Equal("", client.Output.Trim());
        Assert.Equal("3\tshop\ttrue", await host.QueryAsync("SELECT metric_value, tags['service_name'], tags['paid'] FROM metrics.samples WHERE metric_name = 'environment_orders_total'"));
    }

    [Fact]
    public async Task Remote_write_sends_without_naming_its_encoding()
    {
        using var client = NodeClient.Start(["prometheus-remote-write.mjs", Url, ApiKey]);
        await client.ExitedAsync();
        Assert.Equal(
            """
            npm_change	{'service':'queue'}	-1.5
            npm_depth	{'service':'queue'}	100
            npm_size	{'a':'2','service':'queue','z':'1'}	150
            npm_size	{'a':'2','service':'queue','z':'1'}	151.25
            """,
            await host.QueryAsync("SELECT metric_name, tags, metric_value FROM metrics.samples WHERE startsWith(metric_name, 'npm_') ORDER BY metric_name, timestamp"));
    }

    [Fact]
    public async Task Node_RED_sends_as_to_each_version_of_InfluxDB()
    {
        using var client = NodeClient.Start(["node-red.mjs", Url, ApiKey]);
        await client.ExitedAsync();
        string[] stored =
        [
            "{}\t[21.5]",
            ".count\t{}\t[3]",
            ".last\t{}\t[4]",
            ".odd\t{'room':' '}\t[5]",
            ".odd\t{'room':'z'}\t[5]",
            ".on\t{}\t[1]",
            ".t\t{'room':'a b'}\t[1,2]",
        ];
        foreach (var version in new[] { "1.x", "1.8-flux", "2.0" })
        {
            Assert.Equal(
                string.Join('\n', stored),
                (await host.QueryAsync($"""
                    SELECT substring(metric_name, length('red_{version}') + 1) AS field, tags, groupArray(metric_value)
                    FROM (SELECT * FROM metrics.samples WHERE startsWith(metric_name, 'red_{version}') ORDER BY timestamp) GROUP BY ALL ORDER BY field, toString(tags)
                    """)).TrimStart('\t'));
        }
    }
}
