using System.Diagnostics.CodeAnalysis;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Samples;
using Microsoft.AspNetCore.Http;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>What is spoken at a path that takes samples: the formats of its bodies and the form of its answers.</summary>
abstract class Protocol
{
    /// <summary><c>POST /api/metrics</c>: the service's own.</summary>
    public static Protocol Metrics { get; } = new MetricsProtocol();

    /// <summary><c>POST /write</c>: line protocol, as InfluxDB 1 takes it.</summary>
    public static Protocol Influx1 { get; } = InfluxLineProtocol.Version1;

    /// <summary><c>POST /api/v2/write</c>: line protocol, as InfluxDB 2 takes it.</summary>
    public static Protocol Influx2 { get; } = InfluxLineProtocol.Version2;

    /// <summary><c>POST /api/v3/write_lp</c>: line protocol, as InfluxDB 3 takes it.</summary>
    public static Protocol Influx3 { get; } = InfluxLineProtocol.Version3;

    /// <summary><c>POST /api/v1/write</c>: Prometheus remote write, 1.0 and 2.0.</summary>
    public static Protocol RemoteWrite { get; } = new RemoteWriteProtocol();

    /// <summary><c>POST /v1/metrics</c>: OpenTelemetry's metrics, over OTLP/HTTP.</summary>
    public static Protocol Otlp { get; } = new OtlpProtocol();

    /// <summary>Its name in metrics.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Whether a body that comes again is the same samples again, and not others that look alike: each tells its time, and the protocol's
    /// senders repeat what was not answered and know nothing of <c>Idempotency-Key</c>.
    /// </summary>
    public virtual bool IsKeyedByContent => false;

    /// <summary>Whether a body may be compressed with Snappy without saying so.</summary>
    public virtual bool MayBeSnappy => false;

    /// <summary>
    /// Whether what is good in a request is stored although something else in it is refused. Agents drop a batch for good when it is refused,
    /// and one batch carries what many services have sent.
    /// </summary>
    /// <param name="request">The request, which may say.</param>
    public virtual bool StoresInPart(HttpRequest request) => true;

    /// <summary>Whether the API key may also come as <c>?u=user&amp;p=key</c>.</summary>
    public virtual bool TakesKeyInQuery => false;

    /// <summary>Chooses how a request's body is to be read.</summary>
    /// <param name="request">The request.</param>
    /// <param name="format">The format of its body.</param>
    /// <param name="problem">Why there is none.</param>
    public abstract bool TryGetFormat(
        HttpRequest request, [NotNullWhen(true)] out SampleFormat? format, [NotNullWhen(false)] out Problem? problem);

    /// <summary>Says what is wrong with a body that was read, beyond its samples.</summary>
    /// <param name="intake">What became of it.</param>
    public virtual Problem? CheckBody(SampleIntake intake) => null;

    /// <summary>Says that everything is stored.</summary>
    /// <param name="response">Where to say it; the server sends it when the endpoint returns.</param>
    /// <param name="tally">What the request brought.</param>
    public abstract void WriteStored(HttpResponse response, Tally tally);

    /// <summary>Says what is wrong.</summary>
    /// <param name="response">Where to say it.</param>
    /// <param name="problem">What is wrong.</param>
    public virtual Task WriteProblemAsync(HttpResponse response, Problem problem) => problem.WriteAsync(response);
}
