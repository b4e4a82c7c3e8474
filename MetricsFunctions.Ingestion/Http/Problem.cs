using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>A request's refusal as RFC 9457 problem details.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Detail">What is wrong and what to do, without the sender's own values.</param>
sealed record Problem(int Status, string Detail)
{
    // Long enough for a restart of ClickHouse's connection, short enough that nobody notices.
    const int RetryAfterSeconds = 1;

    // The schemes that can carry an API key. The second is InfluxDB's, the third that of its older clients.
    static readonly StringValues Challenges = new(["Bearer", "Token", "Basic realm=\"MetricsFunctions\""]);

    /// <summary>A defect of the service itself.</summary>
    public static readonly Problem Bug = new(
        StatusCodes.Status500InternalServerError, "This is a defect of the service, and its log says more. Sending the same request again may help.");

    /// <summary>For metrics: why, in a word or two (<c>error.type</c>). Only what a status does not tell by itself has to be set.</summary>
    public string Reason { get => field ?? ReasonOf(Status); init; }

    /// <summary>How long the sender has to wait for it.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>The methods that the path knows, for a 405.</summary>
    public string? Allow { get; init; }

    /// <summary>The media types that the path knows, for a 415.</summary>
    public string? Accept { get; init; }

    /// <summary>The encodings that are known, for a 415.</summary>
    public string? AcceptEncoding { get; init; }

    /// <summary>What is wrong with the samples, for a 400: the first faults.</summary>
    public IReadOnlyList<Refusal>? Errors { get; init; }

    /// <summary>How much is refused: what the protocol counts, or in JSON the faults.</summary>
    public int ErrorCount { get; init; }

    /// <summary>What is stored all the same; nothing is where this is null.</summary>
    public Tally? Stored { get; init; }

    /// <summary>Answers <see langword="null"/> for a request with one of these methods.</summary>
    public static Problem? UnlessMethod(HttpRequest request, params ReadOnlySpan<string> methods)
    {
        foreach (var method in methods)
        {
            if (HttpMethods.Equals(request.Method, method))
            {
                return null;
            }
        }

        var allow = string.Join(", ", methods);
        return new Problem(StatusCodes.Status405MethodNotAllowed, $"This path takes {allow}.") { Allow = allow };
    }

    public static Problem Refused(Refusals refusals) =>
        new(StatusCodes.Status400BadRequest, "The request was refused as a whole; nothing of it is stored.")
        {
            // The refusals themselves serve the next request while this one is answered.
            Errors = [.. refusals.Listed],
            Reason = "invalid_samples",
            ErrorCount = refusals.Count,
        };

    public static Problem RefusedInPart(Refusals refusals, Tally stored) => Refused(refusals) with
    {
        Detail = stored.Samples > 0 ? "The rest of the request is stored." : "Nothing of the request is stored.",
        Stored = stored,
    };

    public static Problem Unavailable(StorageUnavailableException e) =>
        new(
            StatusCodes.Status503ServiceUnavailable,
            $"{(e.MayBeStored ? "Whether the request is stored is not known" : "Nothing of the request is stored")}: {e.Fault.Brief}. Send the same request again.")
        {
            Reason = e.Fault.Kind,
        };

    public static Problem NotReady(StorageFault fault) =>
        new(StatusCodes.Status503ServiceUnavailable, $"Samples cannot be stored now: {fault.Brief}.");

    /// <summary>What a request is found by in traces and logs: its trace, or else the server's own number for it.</summary>
    public static string TraceIdOf(HttpContext context)
    {
        if (Activity.Current is { } activity)
        {
            return activity.TraceId.ToHexString();
        }

        // The Functions worker makes no activity; its host passes the header on.
        return ActivityContext.TryParse(context.Request.Headers.TraceParent, null, out var sender) ? sender.TraceId.ToHexString() : context.TraceIdentifier;
    }

    /// <summary>Answers with problem details.</summary>
    public Task WriteAsync(HttpResponse response) =>
        WriteAsync(response, "application/problem+json", json => WriteTo(json, TraceIdOf(response.HttpContext)));

    /// <summary>Answers in the words of a protocol.</summary>
    public async Task WriteAsync(HttpResponse response, string mediaType, Action<Utf8JsonWriter> write)
    {
        WriteHead(response);
        response.ContentType = mediaType;
        await using (var json = new Utf8JsonWriter(response.BodyWriter))
        {
            write(json);
        }

        await response.BodyWriter.FlushAsync(response.HttpContext.RequestAborted);
    }

    /// <summary>Sets the status and the headers that go with it, for an answer that says more than what is wrong.</summary>
    public void WriteHead(HttpResponse response)
    {
        response.StatusCode = Status;
        response.Protect();
        if (Allow is not null)
        {
            response.Headers.Allow = Allow;
        }

        if (Accept is not null)
        {
            response.Headers.Accept = Accept;
        }

        if (AcceptEncoding is not null)
        {
            response.Headers.AcceptEncoding = AcceptEncoding;
        }

        if (Status == StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = Challenges;
        }

        if (Status == StatusCodes.Status408RequestTimeout)
        {
            // The rest of the body has been waited for.
            response.Headers.Connection = "close";
        }

        if (Status == StatusCodes.Status503ServiceUnavailable)
        {
            response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        }
    }

    void WriteTo(Utf8JsonWriter json, string traceId)
    {
        json.WriteStartObject();
        json.WriteString("type", "about:blank");
        json.WriteString("title", ReasonPhrases.GetReasonPhrase(Status));
        json.WriteNumber("status", Status);
        json.WriteString("detail", Detail);
        if (Errors is not null)
        {
            json.WriteStartArray("errors");
            foreach (var refusal in Errors)
            {
                json.WriteStartObject();
                json.WriteString("pointer", refusal.Path);
                json.WriteString("detail", refusal.Detail);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteNumber("errorCount", ErrorCount);
        }

        json.WriteString("traceId", traceId);
        json.WriteEndObject();
    }

    static string ReasonOf(int status) => status switch
    {
        StatusCodes.Status400BadRequest => "invalid_request",
        StatusCodes.Status401Unauthorized => "unauthorized",
        StatusCodes.Status405MethodNotAllowed => "method_not_allowed",
        StatusCodes.Status408RequestTimeout => "body_timeout",
        StatusCodes.Status413PayloadTooLarge => "body_too_large",
        StatusCodes.Status415UnsupportedMediaType => "unsupported_media_type",
        StatusCodes.Status500InternalServerError => "bug",
        _ => status.ToString(CultureInfo.InvariantCulture),
    };
}
