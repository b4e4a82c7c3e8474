using MetricsFunctions.Ingestion.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace MetricsFunctions;

/// <summary>
/// The HTTP triggers: <c>/api/metrics</c> by its name, and every other path, among which <see cref="Paths"/> finds those of agents. They take every
/// method, because a wrong one is answered by the endpoint's own 405, and they are anonymous, because API keys are checked by the endpoint (no
/// agent sends a function key).
/// </summary>
/// <param name="paths">Serves them as on every other host.</param>
public sealed class Triggers(Paths paths)
{
    /// <summary>Takes samples at <c>POST /api/metrics</c>.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("metrics")]
    public Task Metrics([HttpTrigger(AuthorizationLevel.Anonymous, Route = "api/metrics")] HttpRequest request) => paths.HandleAsync(request.HttpContext);

    /// <summary>Serves every other path. The host takes the first route that matches, in the order of the functions' names: this is the last.</summary>
    /// <param name="request">The request; its response is written through its context.</param>
    [Function("other-paths")]
    public Task OtherPaths([HttpTrigger(AuthorizationLevel.Anonymous, Route = "{*path}")] HttpRequest request) => paths.HandleAsync(request.HttpContext);
}
