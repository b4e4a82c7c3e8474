using System.Collections.Frozen;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// Every path that is served, and who answers there. Agents have their paths built in, so each protocol is where its senders look for it: at
/// the root and under <c>/api</c>. Methods are left to the endpoints, so that a wrong one is their 405.
/// </summary>
public sealed partial class Paths
{
    const string OnlyMetrics = "Only metrics are taken, at POST /v1/metrics: set OTEL_TRACES_EXPORTER=none and OTEL_LOGS_EXPORTER=none.";
    const string Otlp = "OpenTelemetry's metrics go to POST /v1/metrics, which exporters put behind a base URL by themselves.";
    const string Influx = "InfluxDB's line protocol goes to POST /write, /api/v2/write or /api/v3/write_lp.";
    const string RemoteWrite = "Prometheus remote write goes to POST /api/v1/write.";

    // What a path that is not served probably meant; the first part that it has counts.
    static readonly (string Part, string Advice)[] Guesses =
    [
        ("traces", OnlyMetrics),
        ("logs", OnlyMetrics),
        ("otlp", Otlp),
        ("opentelemetry", Otlp),
        ("/query", "Samples are not queried here, but in ClickHouse: metrics.points has them."),
        ("v2/", Influx),
        ("v3/", Influx),
        ("influx", Influx),
        ("write", $"{RemoteWrite} {Influx}"),
        ("push", RemoteWrite),
        ("receive", RemoteWrite),
    ];

    readonly FrozenDictionary<string, RequestDelegate> _endpoints;
    readonly Cors _cors;
    readonly BodyDrain _drain;

    /// <summary>Makes the list.</summary>
    /// <param name="ingest">Takes samples.</param>
    /// <param name="health">Answers probes.</param>
    /// <param name="influx">Answers what InfluxDB's clients ask.</param>
    /// <param name="cors">Lets pages read what is wrong with a path.</param>
    /// <param name="drain">Takes in what is sent to a path that is none.</param>
    internal Paths(IngestEndpoint ingest, HealthEndpoint health, InfluxEndpoint influx, Cors cors, BodyDrain drain)
    {
        _cors = cors;
        _drain = drain;
        _endpoints = new Dictionary<string, RequestDelegate>
        {
            ["/api/metrics"] = Taking(Protocol.Metrics),
            ["/write"] = Taking(Protocol.Influx1),
            ["/api/write"] = Taking(Protocol.Influx1),
            ["/api/v2/write"] = Taking(Protocol.Influx2),
            ["/api/v3/write_lp"] = Taking(Protocol.Influx3),
            ["/api/v1/write"] = Taking(Protocol.RemoteWrite),
            ["/v1/metrics"] = Taking(Protocol.Otlp),
            ["/api/v1/metrics"] = Taking(Protocol.Otlp),
            ["/ping"] = InfluxEndpoint.PingAsync,
            ["/api/ping"] = InfluxEndpoint.PingAsync,
            ["/health"] = influx.HealthAsync,
            ["/api/health"] = influx.HealthAsync,
            ["/ready"] = influx.ReadyAsync,
            ["/api/ready"] = influx.ReadyAsync,
            ["/query"] = influx.QueryAsync,
            ["/api/query"] = influx.QueryAsync,
            ["/api/v2/orgs"] = influx.OrgsAsync,
            ["/api/v2/buckets"] = influx.BucketsAsync,
            ["/api/health/live"] = HealthEndpoint.LiveAsync,
            ["/api/health/ready"] = health.ReadyAsync,
            ["/api/openapi.json"] = OpenApiEndpoint.HandleAsync,
        }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

        RequestDelegate Taking(Protocol protocol) => context => ingest.HandleAsync(context, protocol);
    }

    /// <summary>The paths with their endpoints.</summary>
    internal IReadOnlyDictionary<string, RequestDelegate> Endpoints => _endpoints;

    /// <summary>
    /// Serves whichever path is asked for: one with more slashes than it needs, as a base URL with a slash at its end makes it, like the path that
    /// is meant; and one that is none with a 404 that names the probable one.
    /// </summary>
    /// <param name="context">The request; its response is written here.</param>
    public async Task HandleAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var path = SeveralSlashes().Replace(context.Request.Path.Value ?? "", "/").TrimEnd('/');
        if (_endpoints.TryGetValue(path, out var endpoint))
        {
            context.Request.Path = path;
            await endpoint(context);
            return;
        }

        if (_cors.Answers(context))
        {
            return;
        }

        await _drain.DrainAsync(context.Request);
        var advice = Guesses.FirstOrDefault(guess => path.Contains(guess.Part, StringComparison.OrdinalIgnoreCase)).Advice;
        await new Problem(StatusCodes.Status404NotFound, $"There is nothing at this path. {advice ?? "Samples in JSON go to POST /api/metrics."}")
            .WriteAsync(context.Response);
    }

    [GeneratedRegex("/{2,}")]
    private static partial Regex SeveralSlashes();
}
