using MetricsFunctions.Tests.Http;

namespace MetricsFunctions.Tests.Clients;

/// <summary>InfluxDB's own clients get the answers that they need before they write.</summary>
public sealed class InfluxQuestionTests(ApiKeyTests.TwoKeys host) : IClassFixture<ApiKeyTests.TwoKeys>
{
    [Fact]
    public async Task Clients_of_both_versions_find_what_they_ask_for()
    {
        using var client = NodeClient.Start(["influx-questions.mjs", host.Http.BaseAddress!.GetLeftPart(UriPartial.Authority), "new-key"]);
        await client.ExitedAsync();
        Assert.Equal("asked1\t1\nasked2\t2", await host.QueryAsync("SELECT metric_name, metric_value FROM metrics.samples WHERE metric_name LIKE 'asked%' ORDER BY metric_name"));
    }
}
