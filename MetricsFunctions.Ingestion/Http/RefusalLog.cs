using System.Collections.Concurrent;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.Extensions.Logging;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// Tells the operator whose samples are refused and why: each in a counter, and at most once a minute for the same sender, protocol and kind
/// of fault in the log. No more senders are told apart than there are API keys.
/// </summary>
/// <param name="telemetry">Counts.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Takes the lines.</param>
sealed partial class RefusalLog(IngestionTelemetry telemetry, TimeProvider time, ILogger<RefusalLog> logger)
{
    static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    readonly ConcurrentDictionary<(string Protocol, string? Key, FaultKind Kind), Unlogged> _unlogged = new();

    // Since the last line, which was at most an interval ago.
    sealed class Unlogged
    {
        public int Count;
        public long? LoggedAt;
    }

    /// <summary>Notes what a request has lost.</summary>
    /// <param name="protocol">What was spoken.</param>
    /// <param name="key">Who sent it; null without an API key.</param>
    /// <param name="refusals">What is refused, at least one sample.</param>
    public void Note(Protocol protocol, ApiKey? key, Refusals refusals)
    {
        for (var kind = FaultKind.Syntax; kind <= FaultKind.Size; kind++)
        {
            if (refusals.CountOf(kind) is > 0 and var count)
            {
                telemetry.SamplesRefused(protocol.Name, key?.Name, kind, count);
                if (CountUntilLogged(protocol, key, kind, count) is > 0 and var since)
                {
                    var fault = refusals.Listed.FirstOrDefault(refusal => refusal.Kind == kind).Detail ?? "behind the first faults of its request";
                    LogRefused(since, protocol.Name, key?.Name ?? "none", kind, fault);
                }
            }
        }
    }

    // 0: the next line is for later.
    int CountUntilLogged(Protocol protocol, ApiKey? key, FaultKind kind, int count)
    {
        var unlogged = _unlogged.GetOrAdd((protocol.Name, key?.Name, kind), _ => new Unlogged());
        lock (unlogged)
        {
            unlogged.Count += count;
            var now = time.GetTimestamp();
            if (unlogged.LoggedAt is { } loggedAt && time.GetElapsedTime(loggedAt, now) < Interval)
            {
                return 0;
            }

            unlogged.LoggedAt = now;
            (count, unlogged.Count) = (unlogged.Count, 0);
            return count;
        }
    }

    [LoggerMessage(
        EventId = LogEvents.SamplesRefused,
        EventName = nameof(LogEvents.SamplesRefused),
        Level = LogLevel.Warning,
        Message = "Samples refused since the last such line: {Count}, sent over {Protocol} with API key {Key}, fault in {Kind}. The last: {Fault}")]
    partial void LogRefused(int count, string protocol, string key, FaultKind kind, string fault);
}
