using MetricsFunctions.Ingestion.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace MetricsFunctions;

/// <summary>
/// The HTTP triggers: one for each of <see cref="Paths"/>, one line each over the endpoints that every host shares. They take every method,
/// because a wrong one is answered by the endpoint's own 405, and they are anonymous, because API keys are checked by the endpoint (no agent
/// sends a function key).
/// </summary>
/// <param name="ingest">Takes samples.</param>
/// <param name="health">Answers probes.</param>
/// <param name="influx">Answers what InfluxDB's clients ask.</param>
/// <param name="paths">Answers the rest.</param>
public sealed class Triggers(IngestEndpoint ingest, HealthEndpoint health, InfluxEndpoint influx, Paths paths)
{
    /// <summary>Takes samples at <c>POST /api/metrics</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("metrics")]
    public Task Metrics([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/metrics")] HttpRequest request) =>
        ingest.HandleAsync(request.HttpContext, Protocol.Metrics);

    /// <summary>Takes line protocol at <c>POST /write</c>, as InfluxDB 1 does.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx1-write")]
    public Task Influx1Write([HttpTrigger(AuthorizationLevel.Anonymous, Route = "write")] HttpRequest request) =>
        ingest.HandleAsync(request.HttpContext, Protocol.Influx1);

    /// <summary>Takes line protocol at <c>POST /api/write</c>, as InfluxDB 1 does.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx1-write-api")]
    public Task Influx1WriteApi([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/write")] HttpRequest request) =>
        ingest.HandleAsync(request.HttpContext, Protocol.Influx1);

    /// <summary>Takes line protocol at <c>POST /api/v2/write</c>, as InfluxDB 2 does.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx2-write")]
    public Task Influx2Write([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/v2/write")] HttpRequest request) =>
        ingest.HandleAsync(request.HttpContext, Protocol.Influx2);

    /// <summary>Takes line protocol at <c>POST /api/v3/write_lp</c>, as InfluxDB 3 does.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx3-write")]
    public Task Influx3Write([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/v3/write_lp")] HttpRequest request) =>
        ingest.HandleAsync(request.HttpContext, Protocol.Influx3);

    /// <summary>Takes Prometheus remote write at <c>POST /api/v1/write</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("remote-write")]
    public Task RemoteWrite([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/v1/write")] HttpRequest request) =>
        ingest.HandleAsync(request.HttpContext, Protocol.RemoteWrite);

    /// <summary>Takes metrics over OTLP at <c>POST /v1/metrics</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("otlp-metrics")]
    public Task OtlpMetrics([HttpTrigger(AuthorizationLevel.Anonymous, Route = "v1/metrics")] HttpRequest request) =>
        ingest.HandleAsync(request.HttpContext, Protocol.Otlp);

    /// <summary>Takes metrics over OTLP at <c>POST /api/v1/metrics</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("otlp-metrics-api")]
    public Task OtlpMetricsApi([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/v1/metrics")] HttpRequest request) =>
        ingest.HandleAsync(request.HttpContext, Protocol.Otlp);

    /// <summary>Answers <c>GET /ping</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx-ping")]
    public static Task InfluxPing([HttpTrigger(AuthorizationLevel.Anonymous, Route = "ping")] HttpRequest request) =>
        InfluxEndpoint.PingAsync(request.HttpContext);

    /// <summary>Answers <c>GET /api/ping</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx-ping-api")]
    public static Task InfluxPingApi([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/ping")] HttpRequest request) =>
        InfluxEndpoint.PingAsync(request.HttpContext);

    /// <summary>Answers <c>GET /health</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx-health")]
    public Task InfluxHealth([HttpTrigger(AuthorizationLevel.Anonymous, Route = "health")] HttpRequest request) =>
        influx.HealthAsync(request.HttpContext);

    /// <summary>Answers <c>GET /api/health</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx-health-api")]
    public Task InfluxHealthApi([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/health")] HttpRequest request) =>
        influx.HealthAsync(request.HttpContext);

    /// <summary>Answers <c>GET /ready</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx-ready")]
    public Task InfluxReady([HttpTrigger(AuthorizationLevel.Anonymous, Route = "ready")] HttpRequest request) =>
        influx.ReadyAsync(request.HttpContext);

    /// <summary>Answers <c>GET /api/ready</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx-ready-api")]
    public Task InfluxReadyApi([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/ready")] HttpRequest request) =>
        influx.ReadyAsync(request.HttpContext);

    /// <summary>Answers <c>POST /query</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx-query")]
    public Task InfluxQuery([HttpTrigger(AuthorizationLevel.Anonymous, Route = "query")] HttpRequest request) =>
        influx.QueryAsync(request.HttpContext);

    /// <summary>Answers <c>POST /api/query</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx-query-api")]
    public Task InfluxQueryApi([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/query")] HttpRequest request) =>
        influx.QueryAsync(request.HttpContext);

    /// <summary>Answers <c>GET /api/v2/orgs</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx2-orgs")]
    public Task Influx2Orgs([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/v2/orgs")] HttpRequest request) =>
        influx.OrgsAsync(request.HttpContext);

    /// <summary>Answers <c>GET</c> and <c>POST /api/v2/buckets</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("influx2-buckets")]
    public Task Influx2Buckets([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/v2/buckets")] HttpRequest request) =>
        influx.BucketsAsync(request.HttpContext);

    /// <summary>Answers <c>GET /api/health/live</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("health-live")]
    public static Task Live([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/health/live")] HttpRequest request) =>
        HealthEndpoint.LiveAsync(request.HttpContext);

    /// <summary>Answers <c>GET /api/health/ready</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("health-ready")]
    public Task Ready([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/health/ready")] HttpRequest request) =>
        health.ReadyAsync(request.HttpContext);

    /// <summary>Answers <c>GET /api/openapi.json</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("openapi")]
    public static Task OpenApi([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/openapi.json")] HttpRequest request) =>
        OpenApiEndpoint.HandleAsync(request.HttpContext);

    // The host tries routes in the order of their functions' names: what comes behind this one would never be asked (azure-functions-host#3153).
    /// <summary>Answers every other path.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("unknown-path")]
    public Task UnknownPath([HttpTrigger(AuthorizationLevel.Anonymous, Route = "{*path}")] HttpRequest request) =>
        paths.HandleOtherAsync(request.HttpContext);
}
