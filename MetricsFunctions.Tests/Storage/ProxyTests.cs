using System.Net;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Tests.Faults;
using MetricsFunctions.Tests.Standalone;

namespace MetricsFunctions.Tests.Storage;

/// <summary>What stands in front of ClickHouse, or in its place, answers by itself.</summary>
public sealed class ProxyTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    const string Sample = """{"metric_name": "behind_a_proxy", "metric_value": 1}""";

    [Theory]
    [InlineData(200, false, "Check that Host, Port, Protocol and Path")]
    [InlineData(302, false, "Check that Host, Port, Protocol and Path")]
    [InlineData(401, false, "Have the proxy in front of ClickHouse let the service in")]
    [InlineData(403, false, "Have the proxy in front of ClickHouse let the service in")]
    [InlineData(404, false, "Check that Host, Port, Protocol and Path")]
    [InlineData(413, false, "Have the proxy in front of ClickHouse let bodies of any size through")]
    [InlineData(429, true, "Check that ClickHouse runs behind the proxy")]
    [InlineData(500, true, "Check that ClickHouse runs behind the proxy")]
    [InlineData(502, true, "Check that ClickHouse runs behind the proxy")]
    [InlineData(503, true, "Check that ClickHouse runs behind the proxy")]
    [InlineData(504, true, "Check that ClickHouse runs behind the proxy")]
    public async Task Its_answer_is_told_for_what_it_is_and_tried_again_if_that_may_help(int status, bool triesAgain, string advice)
    {
        await using var proxy = await HttpProxy.StartAsync(host.ClickHouse.HttpPort);
        var service = new IPEndPoint(IPAddress.Loopback, Ports.Free());
        using var standalone = await StartAsync(service, proxy.Port, singleInstance: false, writeTimeout: triesAgain ? 2 : 10);
        using var sender = new Sender(service);
        Assert.Equal(200, (await sender.PostAsync(Sample)).Status);

        (proxy.Status, proxy.PassesOn) = (status, false);
        var refused = await sender.PostAsync(Sample);
        var brief = $"a proxy, or another server that is not ClickHouse, answered with status {status}";
        Assert.Equal(503, refused.Status);
        Assert.EndsWith($": {brief}. Send the same request again.", refused.Detail, StringComparison.Ordinal);
        Assert.Equal(triesAgain, proxy.Answered > 1);
        await Wait.UntilAsync(() => Task.FromResult(standalone.Output.Contains($"Samples cannot be stored: {brief}. {advice}", StringComparison.Ordinal)));
        Assert.Contains($"(127.0.0.1:{proxy.Port} answered {status} without the headers of ClickHouse)", standalone.Output, StringComparison.Ordinal);

        proxy.Status = 0;
        Assert.Equal(200, (await sender.PostAsync(Sample)).Status);
    }

    /// <summary>As when it gives up before ClickHouse does.</summary>
    [Fact]
    public async Task A_request_with_a_key_is_stored_once_when_the_answer_to_its_INSERT_was_lost()
    {
        await using var proxy = await HttpProxy.StartAsync(host.ClickHouse.HttpPort);
        var service = new IPEndPoint(IPAddress.Loopback, Ports.Free());
        using var standalone = await StartAsync(service, proxy.Port, singleInstance: true, writeTimeout: 1);
        using var sender = new Sender(service);
        const string Lost = """{"metric_name": "lost", "metric_value": 1}""";

        // What former processes have stored is read by now.
        await Wait.UntilAsync(async () => (await sender.PostAsync(Sample, "first")).Status == 200);

        proxy.Status = 504;
        Assert.Equal(503, (await sender.PostAsync(Lost, "key")).Status);
        Assert.Equal(503, (await sender.PostAsync(Lost, "key")).Status);

        proxy.Status = 0;
        await Wait.UntilAsync(async () => (await sender.PostAsync(Lost, "key")).Status == 200);
        Assert.Equal("1", await host.QueryAsync("SELECT count() FROM metrics.samples WHERE metric_name = 'lost'"));
    }

    async Task<StandaloneProcess> StartAsync(IPEndPoint service, int proxyPort, bool singleInstance, int writeTimeout)
    {
        var standalone = StandaloneProcess.Start(
            ("Urls", $"http://{service}"),
            ("Ingestion__AllowAnonymous", "true"),
            ("Ingestion__WriteTimeout", $"00:00:{writeTimeout:00}"),
            ("Ingestion__SingleInstance", $"{singleInstance}"),
            ("ConnectionStrings__ClickHouse", Admin.ConnectionString(proxyPort, host.ClickHouse.AdminPassword)));
        await standalone.StartedAsync();
        return standalone;
    }
}
