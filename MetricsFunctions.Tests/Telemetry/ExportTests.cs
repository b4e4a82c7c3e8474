using System.Text;
using System.Text.Json.Nodes;
using MetricsFunctions.Ingestion.Telemetry;
using MetricsFunctions.Tests.Standalone;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace MetricsFunctions.Tests.Telemetry;

/// <summary>Standalone as its operators have it: what leaves the process, with the standard variables and without.</summary>
public sealed class ExportTests : IDisposable
{
    const string Trace = "0af7651916cd43dd8448eb211c80319c";

    readonly TemporaryFolder _data = new();
    readonly int _port = Ports.Free();

    public void Dispose() => _data.Dispose();

    [Fact]
    public async Task Metrics_and_traces_go_to_the_endpoint_with_the_headers_that_are_set()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        using var standalone = await StartAsync(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", $"{receiver.Url}api"), ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=a key"), ("OTEL_BSP_SCHEDULE_DELAY", "200"));
        using (var stored = await PostAsync("""{"metric_name": "exported", "metric_value": 1}"""))
        using (var refused = await PostAsync("{}"))
        {
            Assert.Equal((200, 400), ((int)stored.StatusCode, (int)refused.StatusCode));
        }

        // Every instrument that has something to tell, and the resource that tells who does.
        await UntilExportedAsync(
            receiver,
            "/api/v1/metrics",
            "metrics_functions.request.duration",
            "metrics_functions.request.body.io",
            "metrics_functions.samples",
            "metrics_functions.queue.usage",
            "metrics_functions.queue.limit",
            "metrics_functions.queue.requests",
            "metrics_functions.insert.samples",
            "db.client.operation.duration",
            "invalid_samples",
            "dotnet.process.memory.working_set",
            "dotnet.process.cpu.time",
            "kestrel.active_connections",
            "service.name",
            "metrics-functions");
        await UntilExportedAsync(receiver, "/api/v1/traces", "INSERT metrics.samples", Encoding.Latin1.GetString(Convert.FromHexString(Trace)));
        Assert.All(receiver.Exports, export => Assert.Equal("a key", export.Key));
        Assert.True(ExportsAnything(standalone.Id));
        Assert.Equal(0, await standalone.TerminateAsync());
    }

    [Fact]
    public async Task An_endpoint_for_metrics_alone_gets_metrics_alone()
    {
        await using var receiver = await OtlpReceiver.StartAsync();

        // As docker-compose.yml has it, where the headers are empty while no key is configured.
        using var standalone = await StartAsync(
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", $"{receiver.Url}api/v1/metrics"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key="));
        (await PostAsync("""{"metric_name": "exported", "metric_value": 1}""")).Dispose();
        await UntilExportedAsync(receiver, "/api/v1/metrics", "metrics_functions.samples");
        Assert.All(receiver.Exports, export => Assert.Equal("/api/v1/metrics", export.Path));
        Assert.Equal(0, await standalone.TerminateAsync());
    }

    [Fact]
    public async Task An_endpoint_that_is_none_is_told_in_one_line()
    {
        using var standalone = Start(("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "nonsense"));
        Assert.Equal(1, await standalone.ExitedAsync());
        var line = Assert.Single(standalone.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.StartsWith("MetricsFunctions cannot start: OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is not a URL.", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_endpoint_nothing_is_exported_and_nothing_listens()
    {
        using var standalone = await StartAsync();
        (await PostAsync("""{"metric_name": "kept", "metric_value": 1}""")).Dispose();
        Assert.False(ExportsAnything(standalone.Id));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0, "OTEL_SERVICE_NAME=x", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")]
    [InlineData(0, "OTEL_EXPORTER_OTLP_ENDPOINT=")]
    [InlineData(0, "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost", "OTEL_SDK_DISABLED=true")]
    [InlineData(0, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://localhost", "OTEL_METRICS_EXPORTER=none")]
    [InlineData(1, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://localhost")]
    [InlineData(1, "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost", "OTEL_TRACES_EXPORTER=none")]
    [InlineData(2, "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost")]
    public void What_is_registered_follows_the_variables(int signals, params string[] variables)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(variables.Select(variable => KeyValuePair.Create(variable.Split('=')[0], (string?)variable.Split('=')[1]))).Build();
        var services = new ServiceCollection().AddTelemetryExport(configuration);
        Assert.Equal(signals > 0, services.Any(service => service.ServiceType.FullName!.StartsWith("OpenTelemetry.", StringComparison.Ordinal)));

        using var provider = services.AddSingleton<IConfiguration>(configuration).BuildServiceProvider();
        Assert.Equal(signals > 0, provider.GetService<OpenTelemetry.Metrics.MeterProvider>() is not null);
        Assert.Equal(signals > 1, provider.GetService<OpenTelemetry.Trace.TracerProvider>() is not null);
    }

    [Fact]
    public async Task Problems_carry_the_trace_of_their_sender()
    {
        using var standalone = await StartAsync();
        using var refused = await PostAsync("{}");
        Assert.Equal(Trace, JsonNode.Parse(await refused.Content.ReadAsStringAsync())!["traceId"]!.GetValue<string>());
    }

    // The thread that exports, and the library that has it: both can be seen from outside.
    static bool ExportsAnything(int processId)
    {
        var threads = Directory.GetDirectories($"/proc/{processId}/task").Any(task => File.ReadAllText($"{task}/comm").StartsWith("OpenTelemetry", StringComparison.Ordinal));
        var library = File.ReadAllText($"/proc/{processId}/maps").Contains("OpenTelemetry.dll", StringComparison.Ordinal);
        Assert.Equal(threads, library);
        return threads;
    }

    static Task UntilExportedAsync(OtlpReceiver receiver, string path, params string[] texts) => Wait.UntilAsync(() => Task.FromResult(
        Array.TrueForAll(texts, text => receiver.Exports.Any(export => export.Path == path && export.Body.Contains(text, StringComparison.Ordinal)))));

    async Task<StandaloneProcess> StartAsync(params (string, string)[] settings)
    {
        var standalone = Start(settings);
        await standalone.StartedAsync();
        return standalone;
    }

    StandaloneProcess Start(params (string, string)[] settings) => StandaloneProcess.Start(
    [
        ("Urls", $"http://127.0.0.1:{_port}"),
        ("EmbeddedClickHouse__DataPath", _data.Path),
        ("EmbeddedClickHouse__HttpPort", $"{Ports.Free()}"),
        ("EmbeddedClickHouse__TcpPort", $"{Ports.Free()}"),
        ("Ingestion__AllowAnonymous", "true"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
        .. settings,
    ]);

    async Task<HttpResponseMessage> PostAsync(string json)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"http://127.0.0.1:{_port}/api/metrics"))
        {
            Content = new StringContent(json, Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("traceparent", $"00-{Trace}-b7ad6b7169203331-01");
        return await http.SendAsync(request);
    }
}
