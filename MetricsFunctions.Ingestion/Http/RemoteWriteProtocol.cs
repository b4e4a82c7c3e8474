using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.PrometheusRemoteWrite;
using MetricsFunctions.Ingestion.Samples;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>Prometheus' way to write to others: remote write 1.0 and 2.0, which <c>Content-Type</c> tells apart.</summary>
sealed class RemoteWriteProtocol : Protocol
{
    /// <summary>How many samples of a stored request were not finite, which are no samples here, with the stale markers.</summary>
    public const string SkippedSamplesHeader = "X-Skipped-Samples";

    /// <summary>How many of these were stale markers.</summary>
    public const string SkippedStaleMarkersHeader = "X-Skipped-Stale-Markers";

    const string MediaType = "application/x-protobuf";
    const string Message1 = "prometheus.WriteRequest";
    const string Message2 = "io.prometheus.write.v2.Request";

    static readonly WriteRequestFormat Version1 = new();
    static readonly WriteRequest2Format Version2 = new();

    static readonly Problem UnknownMediaType = new(
        StatusCodes.Status415UnsupportedMediaType,
        $"Content-Type must be {MediaType} or {MediaType};proto={Message1} for remote write 1.0, or {MediaType};proto={Message2} for 2.0.")
    {
        Accept = $"{MediaType};proto={Message1}, {MediaType};proto={Message2}",
    };

    public override string Name => "remote_write";

    // Every sample tells its time, and Prometheus repeats a request as it was.
    public override bool IsKeyedByContent => true;

    // Prometheus' own receiver takes every body for a block of Snappy, whatever its headers say, so some senders say nothing. A message as it is
    // is taken, too. No first byte tells them apart: a block begins with the length of what is in it, and 10 is also the tag of a series. The
    // whole body does: a block ends just where it has that length, and a message with a named series is too long to be a block of 10 bytes.
    public override bool MayBeSnappy => true;

    public override bool TryGetFormat(
        HttpRequest request, [NotNullWhen(true)] out SampleFormat? format, [NotNullWhen(false)] out Problem? problem)
    {
        format = MessageOf(request) switch
        {
            Message1 => Version1,
            Message2 => Version2,
            _ => null,
        };
        problem = format is null ? UnknownMediaType : null;
        return format is not null;
    }

    public override void WriteStored(HttpResponse response, Tally tally)
    {
        response.StatusCode = StatusCodes.Status204NoContent;
        WriteCounts(response, tally.Sent);
        if (tally.Skipped > 0)
        {
            WriteCount(response, SkippedSamplesHeader, tally.Skipped);
            WriteCount(response, SkippedStaleMarkersHeader, tally.Sent.StaleMarkers);
        }
    }

    public override async Task WriteProblemAsync(HttpResponse response, Problem problem)
    {
        problem.WriteHead(response);
        WriteCounts(response, problem.Stored?.Sent ?? default);
        response.ContentType = "text/plain; charset=utf-8";
        await response.WriteAsync(TextOf(problem), response.HttpContext.RequestAborted);
    }

    // Senders compare these with what they sent, and warn of a difference. What was left out by design is nothing to be warned of.
    static void WriteCounts(HttpResponse response, SentCounts written)
    {
        if (MessageOf(response.HttpContext.Request) == Message2)
        {
            WriteCount(response, "X-Prometheus-Remote-Write-Samples-Written", written.Samples);
            WriteCount(response, "X-Prometheus-Remote-Write-Histograms-Written", written.Histograms);
            WriteCount(response, "X-Prometheus-Remote-Write-Exemplars-Written", written.Exemplars);
        }
    }

    static void WriteCount(HttpResponse response, string header, int count) =>
        response.Headers[header] = count.ToString(CultureInfo.InvariantCulture);

    static string? MessageOf(HttpRequest request)
    {
        // As Prometheus' receiver has it.
        if (string.IsNullOrEmpty(request.ContentType))
        {
            return Message1;
        }

        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            || !type.MediaType.Equals(MediaType, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        foreach (var parameter in type.Parameters)
        {
            if (parameter.Name.Equals("proto", StringComparison.OrdinalIgnoreCase))
            {
                return HeaderUtilities.RemoveQuotes(parameter.Value).ToString();
            }
        }

        return Message1;
    }

    // Prometheus logs the first line, and of that not more than a thousand characters; the others are for people.
    static string TextOf(Problem problem)
    {
        if (problem.Errors is not { Count: > 0 } errors)
        {
            return problem.Detail + "\n";
        }

        var text = new StringBuilder(problem.Detail);
        text.Append(problem.Stored is null ? " "
            : string.Create(CultureInfo.InvariantCulture, $" {problem.ErrorCount} {(problem.ErrorCount == 1 ? "sample is" : "samples are")} refused: "));
        foreach (var error in errors)
        {
            text.Append(error.Item is { } item ? string.Create(CultureInfo.InvariantCulture, $"timeseries[{item}]{error.Place} ") : "");
            text.Append(error.Detail).Append('\n');
        }

        return text.ToString();
    }
}
