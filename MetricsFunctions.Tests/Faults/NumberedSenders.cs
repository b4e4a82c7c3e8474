using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;

namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// Senders that each send the values 1, 2, 3, … as fast as they are answered, and send a sample again, byte for byte, until it is answered
/// 200. So the last number that a sender got acknowledged tells what must be stored.
/// </summary>
sealed class NumberedSenders : IAsyncDisposable
{
    // Sooner than Retry-After asks for: it meets the service while it is still in trouble.
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    readonly TimeSpan _pace;
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
    {
        _pace = pace;
        _acknowledged = new int[count];
        _longestWaits = new TimeSpan[count];
        _sending = [.. Enumerable.Range(0, count).Select(sender => Task.Run(() => SendAsync(service, sender, withKeys)))];
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

    async Task SendAsync(IPEndPoint service, int sender, bool withKeys)
    {
        using var connection = new Sender(service);
        for (var number = 1; !_stopping && !_givenUp; number++)
        {
            var pause = _pace > TimeSpan.Zero ? Task.Delay(_pace) : Task.CompletedTask;

            // The time is the sender's, so that a repeated sample is the same sample, in the same minute of the rollup.
            var sample = $$$"""
                {"metric_name": "numbered", "metric_value": {{{number}}}, "timestamp": {{{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()}}}, "tags": {"sender": "{{{sender}}}"}}
                """;
            while (!await IsAcknowledgedAsync(connection, sender, sample, withKeys ? $"{sender}/{number}" : null))
            {
                if (_givenUp)
                {
                    return;
                }

                _repeated.TryAdd((sender, number), true);
                Interlocked.Increment(ref _repeats);
                await Task.Delay(Pause);
            }

            Volatile.Write(ref _acknowledged[sender], number);
            await pause;
        }
    }

    async Task<bool> IsAcknowledgedAsync(Sender connection, int sender, string sample, string? key)
    {
        var watch = Stopwatch.StartNew();
        var answer = await connection.PostAsync(sample, key);
        if (watch.Elapsed > _longestWaits[sender])
        {
            _longestWaits[sender] = watch.Elapsed;
        }

        Assert.True(answer is { Ending: not Ending.Answered } or { Status: 200 } or { Status: 503, RetryAfter.Length: > 0 }, $"{answer}");
        return answer.Status == 200;
    }
}
