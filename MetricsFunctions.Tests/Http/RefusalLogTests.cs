using System.Net;
using System.Text;
using MetricsFunctions.Ingestion.Http;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Telemetry;
using MetricsFunctions.Tests.Telemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;

namespace MetricsFunctions.Tests.Http;

/// <summary>An operator sees whose samples are refused, and why.</summary>
public sealed class RefusalLogTests(RefusalLogTests.Named host) : IClassFixture<RefusalLogTests.Named>
{
    public sealed class Named : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:ApiKeys:0:Name"] = "plant",
            ["Ingestion:ApiKeys:0:Key"] = "a-key",
            ["Ingestion:ApiKeys:0:Prefixes:0"] = "plant",
        };
    }

    [Fact]
    public async Task What_is_refused_is_counted_by_key_protocol_and_kind_and_what_is_stored_as_ever()
    {
        using var measurements = new Measurements(host);
        Assert.Equal(HttpStatusCode.BadRequest, await PostAsync("v2/write", "plant v=1\nother v=1\nplant v=x\nplant v=1 1\nother v=2\nplant,t=1,t=1 v=1\nplant\n", "text/plain"));
        Assert.Equal(HttpStatusCode.BadRequest, await PostAsync("metrics", """[{"metric_name":"plant","metric_value":1},{"metric_name":"plant"}]""", "application/json"));
        Assert.Equal(HttpStatusCode.NoContent, await PostAsync("v2/write", "plant v=1,s=\"a\"", "text/plain"));

        string Of(string protocol, string kind) => $"error.type={kind} metrics_functions.api_key=plant metrics_functions.protocol={protocol}";
        Assert.Equal(
            [(Of("influx2", "name"), 2), (Of("influx2", "syntax"), 1), (Of("influx2", "tags"), 1), (Of("influx2", "timestamp"), 1), (Of("influx2", "value"), 1), (Of("metrics", "value"), 1)],
            measurements.Of("metrics_functions.refused").GroupBy(measured => measured.Attributes).Select(same => (same.Key, (int)same.Sum(measured => measured.Value))).Order());
        Assert.Equal(2, measurements.Sum("metrics_functions.samples", "metrics_functions.protocol=influx2"));
    }

    [Fact]
    public void A_line_a_minute_tells_of_each_sender_and_kind_of_fault()
    {
        var (time, logger) = (new FakeTimeProvider(), new FakeLogger<RefusalLog>());
        var log = new RefusalLog(host.Services.GetRequiredService<IngestionTelemetry>(), time, logger);
        var keys = ApiKey.ReadAll(
            new ConfigurationBuilder().AddInMemoryCollection([new("Keys:0:Name", "plant"), new("Keys:0:Key", "a-key")]).Build().GetSection("Keys"), []);
        var refusals = new Refusals();
        refusals.Add(FaultKind.Tags, "", "tag 3 is given twice", count: 2);
        refusals.Add(FaultKind.Tags, "", "tag 9 is given twice");

        log.Note(Protocol.Influx1, keys[0], refusals);
        Assert.Equal(["Samples refused since the last such line: 3, sent over influx1 with API key plant, fault in Tags. The last: tag 3 is given twice"], Lines());

        log.Note(Protocol.Influx1, keys[0], refusals);
        Assert.Single(Lines());
        log.Note(Protocol.Influx1, null, refusals);
        log.Note(Protocol.RemoteWrite, keys[0], refusals);
        refusals.Add(FaultKind.Name, "", "must not be empty");
        log.Note(Protocol.RemoteWrite, keys[0], refusals);
        Assert.Equal(
            [
                "Samples refused since the last such line: 3, sent over influx1 with API key none, fault in Tags. The last: tag 3 is given twice",
                "Samples refused since the last such line: 3, sent over remote_write with API key plant, fault in Tags. The last: tag 3 is given twice",
                "Samples refused since the last such line: 1, sent over remote_write with API key plant, fault in Name. The last: must not be empty",
            ],
            Lines()[1..]);

        time.Advance(TimeSpan.FromMinutes(1));
        log.Note(Protocol.Influx1, keys[0], refusals);
        Assert.Equal("Samples refused since the last such line: 6, sent over influx1 with API key plant, fault in Tags. The last: tag 3 is given twice", Lines()[^1]);

        string[] Lines() => [.. logger.Collector.GetSnapshot().Select(record => record.Message)];
    }

    async Task<HttpStatusCode> PostAsync(string path, string body, string mediaType)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"/api/{path}", UriKind.Relative)) { Content = new StringContent(body, Encoding.UTF8, mediaType) };
        request.Headers.Add("X-Api-Key", "a-key");
        using var response = await host.Http.SendAsync(request);
        return response.StatusCode;
    }
}
