using System.Buffers;
using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.Metrics;
using MetricsFunctions.Ingestion.Samples;
using Microsoft.AspNetCore.Http;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>The service's own protocol: JSON in, JSON out, and problems by RFC 9457.</summary>
sealed class MetricsProtocol : Protocol
{
    static readonly byte[] Ok = """{"message":"ok"}"""u8.ToArray();
    static readonly NdjsonFormat Ndjson = new();
    static readonly JsonFormat Guess = new(isGuess: true);

    // The latter are what curl, fetch and sendBeacon say of a body by themselves, whatever it is.
    static readonly FrozenDictionary<string, SampleFormat> Formats = new Dictionary<string, SampleFormat>
    {
        ["application/json"] = new JsonFormat(),
        ["application/ndjson"] = Ndjson,
        ["application/x-ndjson"] = Ndjson,
        ["application/jsonl"] = Ndjson,
        ["application/jsonlines"] = Ndjson,
        ["application/x-jsonlines"] = Ndjson,
        ["application/x-www-form-urlencoded"] = Guess,
        ["application/octet-stream"] = Guess,
        ["text/plain"] = Guess,
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    static readonly Problem UnknownMediaType = new(
        StatusCodes.Status415UnsupportedMediaType,
        $"Content-Type must be one of {Types(isGuess: false)}, in UTF-8; without one, or with {Types(isGuess: true)}, the body must begin with {{ or [.")
    {
        Accept = Types(isGuess: false),
    };

    public override string Name => "metrics";

    public override bool TryGetFormat(
        HttpRequest request, [NotNullWhen(true)] out SampleFormat? format, [NotNullWhen(false)] out Problem? problem)
    {
        format = string.IsNullOrEmpty(request.ContentType) ? Guess : MediaType.Find(Formats, request.ContentType);
        problem = format is null ? UnknownMediaType : null;
        return format is not null;
    }

    public override bool StoresInPart(HttpRequest request) => false;

    public override Problem? CheckBody(SampleIntake intake) => JsonFormat.GuessedWrong(intake) ? UnknownMediaType : null;

    public override void WriteStored(HttpResponse response, Tally tally)
    {
        var answer = tally.IsList ? Encoding.ASCII.GetBytes($$"""{"message":"ok","accepted":{{tally.Samples}}}""") : Ok;
        response.ContentType = "application/json";
        response.ContentLength = answer.Length;
        response.BodyWriter.Write(answer);
    }

    static string Types(bool isGuess) => string.Join(", ", Formats.Where(format => format.Value == Guess == isGuess).Select(format => format.Key).Order());
}
