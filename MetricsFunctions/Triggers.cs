using MetricsFunctions.Ingestion.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace MetricsFunctions;

/// <summary>
/// The HTTP triggers: one line each over the endpoints that every host shares. They take every method, because a wrong one is answered by
/// the endpoint's own 405, and they are anonymous, because API keys are checked by the endpoint (no agent sends a function key).
/// </summary>
/// <param name="ingest">Takes samples.</param>
/// <param name="health">Answers probes.</param>
public sealed class Triggers(IngestEndpoint ingest, HealthEndpoint health)
{
    /// <summary>Takes samples at <c>POST /api/metrics</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("metrics")]
    public Task Metrics([HttpTrigger(AuthorizationLevel.Anonymous, Route = "metrics")] HttpRequest request) =>
        ingest.HandleAsync(request.HttpContext, Protocol.Metrics);

    /// <summary>Answers <c>GET /api/health/live</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("health-live")]
    public static Task Live([HttpTrigger(AuthorizationLevel.Anonymous, Route = "health/live")] HttpRequest request) =>
        HealthEndpoint.LiveAsync(request.HttpContext);

    /// <summary>Answers <c>GET /api/health/ready</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("health-ready")]
    public Task Ready([HttpTrigger(AuthorizationLevel.Anonymous, Route = "health/ready")] HttpRequest request) =>
        health.ReadyAsync(request.HttpContext);

    /// <summary>Answers every other path with a 404.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("unknown-path")]
    public static Task UnknownPath([HttpTrigger(AuthorizationLevel.Anonymous, Route = "{*path}")] HttpRequest request) =>
        Ingestion.Http.UnknownPath.HandleAsync(request.HttpContext);
}
