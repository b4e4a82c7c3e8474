using System.Diagnostics.Metrics;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.Extensions.DependencyInjection;

namespace MetricsFunctions.Tests.Telemetry;

/// <summary>What the service measures while good and bad requests come and ClickHouse goes.</summary>
public sealed class MeasurementTests(MeasurementTests.Impatient host) : IClassFixture<MeasurementTests.Impatient>
{
    const string Sample = """{"metric_name": "measured", "metric_value": 1}""";
    const string Insert = "db.collection.name=metrics.samples db.operation.name=INSERT db.system.name=clickhouse";

    public sealed class Impatient : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:ApiKeys:0"] = "a-key",
            ["Ingestion:MaxBodyBytes"] = "4096",
            ["Ingestion:WriteTimeout"] = "00:00:02",
        };
    }

    [Fact]
    public async Task Requests_are_told_by_protocol_status_and_reason_and_samples_and_bytes_by_their_number()
    {
        using var measurements = new Measurements(host);
        var (gzip, notGzip) = (new MemoryStream(), "no gzip"u8.ToArray());
        await using (var compressor = new GZipStream(gzip, CompressionMode.Compress, leaveOpen: true))
        {
            compressor.Write(Encoding.UTF8.GetBytes(Sample));
        }

        (string Path, string MediaType, byte[] Body, string? Encoding, HttpStatusCode Status, string Attributes)[] requests =
        [
            ("metrics", "application/json", Json(Sample), null, HttpStatusCode.OK, "http.response.status_code=200 metrics_functions.protocol=metrics"),
            ("metrics", "application/json", gzip.ToArray(), "gzip", HttpStatusCode.OK, "http.response.status_code=200 metrics_functions.protocol=metrics"),
            ("metrics", "application/x-ndjson", Json($"{Sample}\n{Sample}\n{Sample}\n"), null, HttpStatusCode.OK, "http.response.status_code=200 metrics_functions.protocol=metrics"),
            ("v2/write", "text/plain", Json("measured value=1,other=2,text=\"a\",more=\"b\""), null, HttpStatusCode.NoContent, "http.response.status_code=204 metrics_functions.protocol=influx2"),
            ("write", "text/plain", Json("measured value=1"), null, HttpStatusCode.NoContent, "http.response.status_code=204 metrics_functions.protocol=influx1"),
            ("metrics", "application/json", Json("{}"), null, HttpStatusCode.BadRequest, "error.type=invalid_samples http.response.status_code=400 metrics_functions.protocol=metrics"),
            ("metrics", "application/json", notGzip, "gzip", HttpStatusCode.BadRequest, "error.type=corrupt_body http.response.status_code=400 metrics_functions.protocol=metrics"),
            ("metrics", "application/json", new byte[5000], null, HttpStatusCode.RequestEntityTooLarge, "error.type=body_too_large http.response.status_code=413 metrics_functions.protocol=metrics"),
            ("metrics", "text/html", Json(Sample), null, HttpStatusCode.UnsupportedMediaType, "error.type=unsupported_media_type http.response.status_code=415 metrics_functions.protocol=metrics"),
            ("metrics", "application/json", Json(Sample), "lzma", HttpStatusCode.UnsupportedMediaType, "error.type=unsupported_encoding http.response.status_code=415 metrics_functions.protocol=metrics"),
            ("v2/write?precision=d", "text/plain", Json("m v=1"), null, HttpStatusCode.BadRequest, "error.type=invalid_request http.response.status_code=400 metrics_functions.protocol=influx2"),
        ];
        foreach (var request in requests)
        {
            using var response = await PostAsync(request.Path, request.MediaType, request.Body, request.Encoding);
            Assert.Equal(request.Status, response.StatusCode);
        }

        using (var nobody = await host.PostAsync(Sample))
        using (var wrongMethod = await host.Http.GetAsync(new Uri("/api/metrics", UriKind.Relative)))
        {
            Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.MethodNotAllowed), (nobody.StatusCode, wrongMethod.StatusCode));
        }

        // A problem is on its way before its request ends.
        await Wait.UntilAsync(() => Task.FromResult(measurements.Of("metrics_functions.request.duration").Count() == requests.Length + 2));
        Assert.Equal(
            requests.Select(request => request.Attributes).Append("error.type=unauthorized http.response.status_code=401 metrics_functions.protocol=metrics")
                .Append("error.type=method_not_allowed http.response.status_code=405 metrics_functions.protocol=metrics").Order(StringComparer.Ordinal),
            measurements.Of("metrics_functions.request.duration").Select(measured => measured.Attributes).Order(StringComparer.Ordinal));
        Assert.All(measurements.Of("metrics_functions.request.duration"), measured => Assert.InRange(measured.Value, 1e-6, 60));

        Assert.Equal(5, measurements.Sum("metrics_functions.samples", "metrics_functions.protocol=metrics"));
        Assert.Equal(2, measurements.Sum("metrics_functions.samples", "metrics_functions.protocol=influx2"));
        Assert.Equal(1, measurements.Sum("metrics_functions.samples", "metrics_functions.protocol=influx1"));

        Assert.Equal(2, measurements.Sum("metrics_functions.skipped", "metrics_functions.protocol=influx2"));
        Assert.Single(measurements.Of("metrics_functions.skipped"));

        // Bodies that were read, as they were sent: not those that were refused by their head.
        Assert.Equal(requests[..7].Sum(request => request.Body.Length), measurements.Sum("metrics_functions.request.body.io"));

        Assert.Equal([1, 1, 3, 2, 1], measurements.Of("metrics_functions.insert.samples").Select(measured => (int)measured.Value));
        Assert.Equal([Insert, Insert, Insert, Insert, Insert], measurements.Of("db.client.operation.duration").Select(measured => measured.Attributes));
        Assert.Equal(0, measurements.Ask("metrics_functions.queue.usage", "metrics_functions.lane=small"));
    }

    [Fact]
    public async Task A_fault_of_ClickHouse_is_told_by_its_kind_and_the_queue_shows_what_waits_for_its_end()
    {
        using var measurements = new Measurements(host);
        await host.ClickHouse.KillAsync();
        try
        {
            var refused = PostAsync("metrics", "application/json", Json(Sample));
            await Wait.UntilAsync(() => Task.FromResult(measurements.Ask("metrics_functions.queue.requests", "metrics_functions.lane=small") > 0));
            Assert.True(measurements.Ask("metrics_functions.queue.usage", "metrics_functions.lane=small") > Sample.Length / 2);
            Assert.Equal(64 * 1024 * 1024, measurements.Ask("metrics_functions.queue.limit", "metrics_functions.lane=small"));
            Assert.Equal(0, measurements.Ask("metrics_functions.queue.requests", "metrics_functions.lane=large"));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await refused).StatusCode);
        }
        finally
        {
            await host.ClickHouse.RestartAsync();
        }

        await Wait.UntilAsync(() => Task.FromResult(measurements.Of("metrics_functions.request.duration").Any()));
        Assert.Equal(
            "error.type=unreachable http.response.status_code=503 metrics_functions.protocol=metrics",
            measurements.Of("metrics_functions.request.duration").Single().Attributes);
        Assert.Empty(measurements.Of("metrics_functions.samples"));
        Assert.Empty(measurements.Of("metrics_functions.insert.samples"));
        var attempts = measurements.Of("db.client.operation.duration").ToList();
        Assert.All(attempts, attempt => Assert.Equal($"{Insert} error.type=unreachable", attempt.Attributes));
        Assert.Equal(attempts.Count - 1, measurements.Sum("metrics_functions.insert.retries", "error.type=unreachable"));
        Assert.InRange(attempts.Count, 2, 20);
        Assert.Equal(0, measurements.Ask("metrics_functions.queue.usage", "metrics_functions.lane=small"));
        Assert.Equal(0, measurements.Ask("metrics_functions.queue.requests", "metrics_functions.lane=small"));

        using var stored = await PostAsync("metrics", "application/json", Json(Sample));
        Assert.Equal(HttpStatusCode.OK, stored.StatusCode);
        Assert.Equal(1, measurements.Sum("metrics_functions.samples", "metrics_functions.protocol=metrics"));
    }

    // At 60,000 requests a second, a few bytes for each would be felt.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Measuring_allocates_nothing_whether_somebody_listens_or_not(bool isListened)
    {
        using var listener = new MeterListener();
        var instruments = Measurements.InstrumentsOf(host);
        Assert.Equal(11, instruments.Count);
        if (isListened)
        {
            instruments.ForEach(instrument => listener.EnableMeasurementEvents(instrument));
            listener.SetMeasurementEventCallback<long>((_, _, _, _) => { });
            listener.SetMeasurementEventCallback<double>((_, _, _, _) => { });
            listener.Start();
        }

        Assert.All(instruments, instrument => Assert.Equal(isListened, instrument.Enabled));
        var telemetry = host.Services.GetRequiredService<IngestionTelemetry>();
        Measure();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            Measure();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Measure()
        {
            telemetry.BodyRead(100);
            telemetry.RequestEnded(TimeSpan.FromSeconds(1), "metrics", 200, null);
            telemetry.RequestEnded(TimeSpan.FromSeconds(1), "metrics", 400, "invalid_samples");
            telemetry.SamplesStored("metrics", 1);
            telemetry.ValuesSkipped("metrics", 1);
            telemetry.InsertStored(TimeSpan.FromMilliseconds(5), 10);
            telemetry.InsertFailed(TimeSpan.FromMilliseconds(5), "timeout");
            telemetry.InsertRetried("timeout");
        }
    }

    static byte[] Json(string text) => Encoding.UTF8.GetBytes(text);

    Task<HttpResponseMessage> PostAsync(string path, string mediaType, byte[] body, string? encoding = null)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        if (encoding is not null)
        {
            content.Headers.ContentEncoding.Add(encoding);
        }

        var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"/api/{path}", UriKind.Relative)) { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "a-key");
        return host.Http.SendAsync(request);
    }
}
