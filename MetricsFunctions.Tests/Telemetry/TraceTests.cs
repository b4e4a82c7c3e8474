using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using MetricsFunctions.Ingestion.Http;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Testing;
using Moq;

namespace MetricsFunctions.Tests.Telemetry;

/// <summary>How a request is found again: in the spans, in its own problem, in the log.</summary>
public sealed class TraceTests(TraceTests.Impatient host) : IClassFixture<TraceTests.Impatient>
{
    public sealed class Impatient : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:WriteTimeout"] = "00:00:02",
        };
    }

    const string Sample = """{"metric_name": "traced", "metric_value": 1}""";

    [Fact]
    public async Task An_INSERT_is_a_span_of_its_own_with_a_link_to_each_of_its_requests()
    {
        var ended = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is IngestionTelemetry.Name or "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = ended.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);

        // Twice, because the first request of a loop must not become the parent of the INSERTs behind it.
        foreach (var trace in new[] { ActivityTraceId.CreateRandom(), ActivityTraceId.CreateRandom() })
        {
            using var response = await PostAsync(Sample, trace);
            Assert.True(response.IsSuccessStatusCode);
            var insert = Assert.Single(ended, activity => activity.Links.Any(link => link.Context.TraceId == trace));
            Assert.Equal(("INSERT metrics.samples", ActivityKind.Client, 1), (insert.DisplayName, insert.Kind, insert.GetTagItem("db.operation.batch.size")));
            Assert.Equal("clickhouse", insert.GetTagItem("db.system.name"));
            Assert.Equal(default, insert.ParentSpanId);
            Assert.NotEqual(trace, insert.TraceId);
        }

        var refused = ActivityTraceId.CreateRandom();
        await host.ClickHouse.KillAsync();
        try
        {
            using var response = await PostAsync(Sample, refused);
            Assert.Equal(503, (int)response.StatusCode);
        }
        finally
        {
            await host.ClickHouse.RestartAsync();
        }

        var failed = Assert.Single(ended, activity => activity.Links.Any(link => link.Context.TraceId == refused));
        Assert.Equal((ActivityStatusCode.Error, "unreachable"), (failed.Status, failed.GetTagItem("error.type")));
    }

    [Fact]
    public async Task A_problem_carries_a_trace_also_where_nobody_traces()
    {
        var trace = ActivityTraceId.CreateRandom();
        using var traced = await PostAsync("{}", trace);
        Assert.Equal(trace.ToHexString(), await TraceIdOfAsync(traced));

        using var untraced = await host.PostAsync("{}");
        Assert.NotEmpty(await TraceIdOfAsync(untraced));

        static async Task<string> TraceIdOfAsync(HttpResponseMessage response)
        {
            Assert.Equal(400, (int)response.StatusCode);
            return JsonNode.Parse(await response.Content.ReadAsStringAsync())!["traceId"]!.GetValue<string>();
        }
    }

    // Nobody knows how to make the service fail, so this request comes with a body that does.
    [Fact]
    public async Task The_log_line_of_a_bug_has_the_trace_that_its_sender_was_told()
    {
        var logger = new FakeLogger<IngestEndpoint>();
        var body = new Mock<Stream>();
        body.Setup(stream => stream.ReadAsync(It.IsAny<Memory<byte>>(), It.IsAny<CancellationToken>())).Throws<NotImplementedException>();
        var answer = new MemoryStream();
        var context = new DefaultHttpContext { TraceIdentifier = "the number of the request" };
        (context.Request.Method, context.Request.ContentType, context.Request.Body, context.Response.Body) = ("POST", "application/json", body.Object, answer);

        await ActivatorUtilities.CreateInstance<IngestEndpoint>(host.Services, logger).HandleAsync(context, Protocol.Metrics);

        Assert.Equal(500, context.Response.StatusCode);
        var traceId = JsonNode.Parse(Encoding.UTF8.GetString(answer.ToArray()))!["traceId"]!.GetValue<string>();
        Assert.Equal(Activity.Current?.TraceId.ToHexString() ?? "the number of the request", traceId);
        var line = Assert.Single(logger.Collector.GetSnapshot());
        Assert.Contains($"(trace {traceId})", line.Message, StringComparison.Ordinal);
        Assert.IsType<NotImplementedException>(line.Exception);
    }

    Task<HttpResponseMessage> PostAsync(string json, ActivityTraceId trace)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri("/api/metrics", UriKind.Relative))
        {
            Content = new StringContent(json, Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01");
        return host.Http.SendAsync(request);
    }
}
