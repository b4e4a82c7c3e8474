using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.Json;
using MetricsFunctions.Ingestion.Samples;
using Microsoft.AspNetCore.Http;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>The service's own protocol: JSON in, JSON out, and problems by RFC 9457.</summary>
sealed class MetricsProtocol : Protocol
{
    static readonly byte[] Ok = """{"message":"ok"}"""u8.ToArray();
    static readonly NdjsonFormat Ndjson = new();
    static readonly MediaTypes Types = new(
        ("application/json", new JsonFormat()),
        ("application/x-ndjson", Ndjson),
        ("application/jsonl", Ndjson),
        ("application/x-jsonlines", Ndjson));

    internal override bool TryGetFormat(
        HttpRequest request, [NotNullWhen(true)] out SampleFormat? format, [NotNullWhen(false)] out Problem? problem) =>
        Types.TryGetFormat(request, out format, out problem);

    internal override void WriteStored(HttpResponse response, Tally tally)
    {
        var answer = tally.IsList ? Encoding.ASCII.GetBytes($$"""{"message":"ok","accepted":{{tally.Samples}}}""") : Ok;
        response.ContentType = "application/json";
        response.ContentLength = answer.Length;
        response.BodyWriter.Write(answer);
    }
}
