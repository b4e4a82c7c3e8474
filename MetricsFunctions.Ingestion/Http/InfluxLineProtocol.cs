using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.InfluxLine;
using MetricsFunctions.Ingestion.Samples;
using Microsoft.AspNetCore.Http;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// InfluxDB's way to be written to, of its versions 1 to 3. Where the samples would go there (<c>bucket</c>, <c>org</c>, <c>db</c>, <c>rp</c>)
/// means nothing here, and their <c>Content-Type</c> is what a client's library happens to send.
/// </summary>
sealed class InfluxLineProtocol : Protocol
{
    /// <summary>How many fields of a stored request are no samples: strings, and those with the name of the time.</summary>
    public const string SkippedFieldsHeader = "X-Skipped-Fields";

    readonly int _version;
    readonly FrozenDictionary<string, InfluxLineFormat> _formats;
    readonly InfluxLineFormat _default;
    readonly Problem _unknownPrecision;

    InfluxLineProtocol(int version, params (string Precision, TimeUnit Unit)[] precisions)
    {
        _version = version;
        Name = $"influx{version}";
        _formats = precisions.ToFrozenDictionary(entry => entry.Precision, entry => new InfluxLineFormat(entry.Unit));
        _default = _formats[precisions[0].Precision];
        _unknownPrecision = new Problem(
            StatusCodes.Status400BadRequest,
            $"precision must be one of {string.Join(", ", precisions.Select(entry => entry.Precision))}; without it, it is the first of them.");
    }

    /// <summary>Version 1: <c>/write</c>.</summary>
    public static InfluxLineProtocol Version1 { get; } = new(
        1,
        ("ns", TimeUnit.Nanosecond),
        ("n", TimeUnit.Nanosecond),
        ("us", TimeUnit.Microsecond),
        ("u", TimeUnit.Microsecond),
        ("ms", TimeUnit.Millisecond),
        ("s", TimeUnit.Second),
        ("m", TimeUnit.Minute),
        ("h", TimeUnit.Hour));

    /// <summary>Version 2: <c>/api/v2/write</c>.</summary>
    public static InfluxLineProtocol Version2 { get; } = new(
        2,
        ("ns", TimeUnit.Nanosecond),
        ("us", TimeUnit.Microsecond),
        ("u", TimeUnit.Microsecond),
        ("ms", TimeUnit.Millisecond),
        ("s", TimeUnit.Second));

    /// <summary>Version 3: <c>/api/v3/write_lp</c>.</summary>
    public static InfluxLineProtocol Version3 { get; } = new(
        3,
        ("auto", TimeUnit.BySize),
        ("nanosecond", TimeUnit.Nanosecond),
        ("microsecond", TimeUnit.Microsecond),
        ("millisecond", TimeUnit.Millisecond),
        ("second", TimeUnit.Second),
        ("ns", TimeUnit.Nanosecond),
        ("us", TimeUnit.Microsecond),
        ("ms", TimeUnit.Millisecond),
        ("s", TimeUnit.Second));

    public override bool TakesKeyInQuery => true;

    public override string Name { get; }

    public override bool TryGetFormat(
        HttpRequest request, [NotNullWhen(true)] out SampleFormat? format, [NotNullWhen(false)] out Problem? problem)
    {
        var precision = request.Query["precision"].ToString();
        format = precision.Length > 0 ? _formats.GetValueOrDefault(precision) : _default;
        problem = format is null ? _unknownPrecision : null;
        return format is not null;
    }

    // https://docs.influxdata.com/influxdb3/core/write-data/http-api/v3-write-lp/: otherwise a line with a fault refuses all.
    public override bool StoresInPart(HttpRequest request) => !request.Query["accept_partial"].ToString().Equals("false", StringComparison.OrdinalIgnoreCase);

    public override void WriteStored(HttpResponse response, Tally tally)
    {
        response.StatusCode = StatusCodes.Status204NoContent;
        if (tally.Skipped > 0)
        {
            response.Headers[SkippedFieldsHeader] = tally.Skipped.ToString(CultureInfo.InvariantCulture);
        }
    }

    public override Task WriteProblemAsync(HttpResponse response, Problem problem) =>
        problem.WriteAsync(response, "application/json", json => WriteTo(json, problem));

    void WriteTo(Utf8JsonWriter json, Problem problem)
    {
        json.WriteStartObject();
        if (_version != 2)
        {
            json.WriteString("error", MessageOf(problem));
        }
        else
        {
            json.WriteString("code", CodeOf(problem.Status));
            json.WriteString("message", MessageOf(problem));
            if (problem.Errors is [{ Item: { } line }, ..])
            {
                json.WriteNumber("line", line + 1);
            }
        }

        if (_version == 3 && problem.Errors is not null)
        {
            json.WriteStartArray("data");
            foreach (var error in problem.Errors)
            {
                json.WriteStartObject();
                json.WriteNumber("line_number", (error.Item ?? 0) + 1);
                json.WriteString("error_message", error.Detail);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    // Clients show the message and nothing else, so all that is known is in it. "Partial write" tells Telegraf that the rest is stored, and
    // "unable to parse" to give up.
    static string MessageOf(Problem problem)
    {
        if (problem.Errors is not { Count: > 0 } errors)
        {
            return problem.Detail;
        }

        var isPartial = problem.Stored is { Samples: > 0 };
        return (isPartial ? "partial write: " : "")
            + $"unable to parse {string.Join("; ", errors.Select(error => $"line {error.Item + 1}: {error.Detail}"))}"
            + (problem.ErrorCount > errors.Count ? $"; and {problem.ErrorCount - errors.Count} more lines" : "")
            + $"{(isPartial ? $" dropped={problem.ErrorCount}" : "")}. {problem.Detail}";
    }

    // https://docs.influxdata.com/influxdb/v2/api/v2/ lists them.
    static string CodeOf(int status) => status switch
    {
        StatusCodes.Status400BadRequest => "invalid",
        StatusCodes.Status401Unauthorized => "unauthorized",
        StatusCodes.Status403Forbidden => "forbidden",
        StatusCodes.Status404NotFound => "not found",
        StatusCodes.Status405MethodNotAllowed => "method not allowed",
        StatusCodes.Status413PayloadTooLarge => "request too large",
        StatusCodes.Status415UnsupportedMediaType => "unsupported media type",
        StatusCodes.Status408RequestTimeout or StatusCodes.Status503ServiceUnavailable => "unavailable",
        _ => "internal error",
    };
}
