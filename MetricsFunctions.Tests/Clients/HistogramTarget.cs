using MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;
using Microsoft.AspNetCore.Http;

namespace MetricsFunctions.Tests.Clients;

/// <summary>What Prometheus can scrape a native histogram from: the message <c>io.prometheus.client.MetricFamily</c>, with more observations each time.</summary>
sealed class HistogramTarget
{
    public const string Metric = "request_duration_seconds";

    /// <summary>How many have something in them: two below zero, the zero bucket, three above.</summary>
    public const int Buckets = 6;

    const int Histogram = 4;

    int _scrapes;

    /// <summary>Answers a scrape.</summary>
    public async Task AnswerAsync(HttpContext context)
    {
        // Each bucket has one more each time, and the first of those above another one.
        var n = Interlocked.Increment(ref _scrapes);
        var histogram = new Proto().Varint(1, (ulong)(7 * n)).Double(2, 1.5 * n).ZigZag(5, 3).Double(6, 0.001).Varint(7, (ulong)n)
            .Message(9, Span(0, 1)).Message(9, Span(2, 1)).ZigZag(10, n).ZigZag(10, 0)
            .Message(12, Span(-20, 2)).Message(12, Span(5, 1)).ZigZag(13, 2 * n).ZigZag(13, -n).ZigZag(13, 0);
        var family = new Proto().Text(1, Metric).Text(2, "Help").Varint(3, (ulong)Histogram)
            .Message(4, new Proto().Message(1, new Proto().Text(1, "zone").Text(2, "z")).Message(7, histogram));

        // A stream of messages, each with its length in front: a field without its tag.
        context.Response.ContentType = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
        await context.Response.Body.WriteAsync(new Proto().Message(1, family).ToArray().AsMemory(1));
    }

    static Proto Span(int offset, int length) => new Proto().ZigZag(1, offset).Varint(2, (ulong)length);
}
