using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;
using MetricsFunctions.Tests.Http;

namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// Senders that each send the values 1, 2, 3, … as fast as they are answered, and send a sample again, byte for byte, until it is answered
/// 200. So the last number that a sender got acknowledged tells what must be stored.
/// </summary>
sealed class NumberedSenders : IAsyncDisposable
{
    // Sooner than Retry-After asks for: it meets the service while it is still in trouble.
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    readonly Wording _wording;
    readonly TimeSpan _pace;
    readonly bool _sendsTwice;
    readonly int[] _acknowledged;
    readonly TimeSpan[] _longestWaits;
    readonly Task[] _sending;
    readonly ConcurrentDictionary<(int Sender, int Number), bool> _repeated = new();
    int _repeats;
    volatile bool _stopping;
    volatile bool _givenUp;

    /// <summary>Starts to send.</summary>
    /// <param name="service">Where to send to.</param>
    /// <param name="count">The number of senders, each with a connection of its own.</param>
    /// <param name="withKeys">Whether each sample has an idempotency key.</param>
    /// <param name="pace">How long from a sample to the next; as soon as the first is acknowledged when that takes longer.</param>
    public NumberedSenders(IPEndPoint service, int count, bool withKeys, TimeSpan pace = default)
        : this(service, count, withKeys ? Wordings.KeyedJson : Wordings.Json, pace)
    {
    }

    /// <summary>Starts to send.</summary>
    /// <param name="service">Where to send to.</param>
    /// <param name="count">The number of senders, each with a connection of its own.</param>
    /// <param name="wording">How a sample is written.</param>
    /// <param name="pace">How long from a sample to the next; as soon as the first is acknowledged when that takes longer.</param>
    /// <param name="sendsTwice">Whether each request is sent once more after it was acknowledged, until that is acknowledged, too.</param>
    public NumberedSenders(IPEndPoint service, int count, Wording wording, TimeSpan pace = default, bool sendsTwice = false)
    {
        _wording = wording;
        _pace = pace;
        _sendsTwice = sendsTwice;
        _acknowledged = new int[count];
        _longestWaits = new TimeSpan[count];
        _sending = [.. Enumerable.Range(0, count).Select(sender => Task.Run(() => SendAsync(service, sender)))];
    }

    public int Acknowledged => Enumerable.Range(0, _acknowledged.Length).Sum(sender => Volatile.Read(ref _acknowledged[sender]));

    /// <summary>A line for each sender with the last number that was acknowledged, and with it all before.</summary>
    public string Sent => string.Join('\n', _acknowledged.Select((number, sender) => $"{sender}\t{number}"));

    /// <summary>The samples that were sent more than once, as sender and number.</summary>
    public IReadOnlySet<string> Repeated => _repeated.Keys.Select(sample => $"{sample.Sender}\t{sample.Number}").ToHashSet();

    /// <summary>The longest that a sender, now stopped, has waited for an answer or for the end of its connection.</summary>
    public TimeSpan LongestWait => _longestWaits.Max();

    /// <summary>Waits for so many further acknowledgements.</summary>
    public Task AcknowledgedAsync(int more) => MoreAsync(more, () => Acknowledged);

    /// <summary>Waits until so many further requests have come to nothing and are about to be repeated.</summary>
    public Task RepeatedAsync(int more) => MoreAsync(more, () => Volatile.Read(ref _repeats));

    /// <summary>Waits until every sample under way is acknowledged, and sends no more.</summary>
    public Task StopAsync()
    {
        _stopping = true;
        return Task.WhenAll(_sending);
    }

    public async ValueTask DisposeAsync()
    {
        // What went wrong has been told by whoever waited.
        _givenUp = true;
        await Task.WhenAll(_sending).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    Task MoreAsync(int more, Func<int> count)
    {
        var goal = count() + more;
        return Wait.UntilAsync(async () =>
        {
            await Task.WhenAll(_sending.Where(sending => sending.IsCompleted));
            return count() >= goal;
        });
    }

    async Task SendAsync(IPEndPoint service, int sender)
    {
        using var connection = new Sender(service);
        for (var number = 1; !_stopping && !_givenUp; number++)
        {
            var pause = _pace > TimeSpan.Zero ? Task.Delay(_pace) : Task.CompletedTask;

            // The time is the sender's, so that a repeated sample is the same sample, in the same point of a panel.
            var request = _wording(sender, number, DateTimeOffset.UtcNow);
            for (var times = _sendsTwice ? 2 : 1; times > 0; times--)
            {
                if (!await SendUntilAcknowledgedAsync(connection, sender, number, request))
                {
                    return;
                }
            }

            Volatile.Write(ref _acknowledged[sender], number);
            await pause;
        }
    }

    async Task<bool> SendUntilAcknowledgedAsync(Sender connection, int sender, int number, SentRequest request)
    {
        while (!await IsAcknowledgedAsync(connection, sender, request))
        {
            if (_givenUp)
            {
                return false;
            }

            _repeated.TryAdd((sender, number), true);
            Interlocked.Increment(ref _repeats);
            await Task.Delay(Pause);
        }

        return true;
    }

    async Task<bool> IsAcknowledgedAsync(Sender connection, int sender, SentRequest request)
    {
        var watch = Stopwatch.StartNew();
        var answer = await connection.PostAsync(request);
        if (watch.Elapsed > _longestWaits[sender])
        {
            _longestWaits[sender] = watch.Elapsed;
        }

        Assert.True(answer is { Ending: not Ending.Answered } or { Status: 200 or 204 } or { Status: 503, RetryAfter.Length: > 0 }, $"{answer}");
        return answer.Status is 200 or 204;
    }
}

/// <summary>Writes the sample of a sender with this number, which is its value.</summary>
delegate SentRequest Wording(int sender, int number, DateTimeOffset time);

/// <summary>How the same sample is written in different protocols.</summary>
static class Wordings
{
    public static SentRequest Json(int sender, int number, DateTimeOffset time) => SentRequest.Json(JsonOf(sender, number, time), null);

    public static SentRequest KeyedJson(int sender, int number, DateTimeOffset time) => SentRequest.Json(JsonOf(sender, number, time), $"{sender}/{number}");

    public static SentRequest Otlp(int sender, int number, DateTimeOffset time) => new("/api/v1/metrics", "application/json", Encoding.UTF8.GetBytes($$$"""
        {"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"numbered","gauge":{"dataPoints":[{"asDouble":{{{number}}},
        "timeUnixNano":"{{{time.ToUnixTimeMilliseconds()}}}000000","attributes":[{"key":"sender","value":{"stringValue":"{{{sender}}}"}}]}]}}]}]}]}
        """));

    public static SentRequest RemoteWrite(int sender, int number, DateTimeOffset time) => new(
        "/api/v1/write",
        "application/x-protobuf",
        Bodies.Compress("snappy", Series.Version1(Series.Of("numbered", number, time.ToUnixTimeMilliseconds(), ("sender", $"{sender}")))),
        ContentEncoding: "snappy");

    // Every other one in a month before, which is an INSERT of its own.
    public static SentRequest KeyedLine(int sender, int number, DateTimeOffset time) => new(
        "/api/v2/write?precision=ms",
        "text/plain",
        Encoding.UTF8.GetBytes($"numbered,sender={sender} value={number} {time.AddDays(-40 * (number % 2)).ToUnixTimeMilliseconds()}"),
        $"{sender}/{number}");

    /// <summary>Each sample in one of those that a sender may repeat.</summary>
    public static SentRequest Any(int sender, int number, DateTimeOffset time) => (sender % 4) switch
    {
        0 => KeyedJson(sender, number, time),
        1 => Otlp(sender, number, time),
        2 => RemoteWrite(sender, number, time),
        _ => KeyedLine(sender, number, time),
    };

    static string JsonOf(int sender, int number, DateTimeOffset time) => $$$"""
        {"metric_name": "numbered", "metric_value": {{{number}}}, "timestamp": {{{time.ToUnixTimeMilliseconds()}}}, "tags": {"sender": "{{{sender}}}"}}
        """;
}
