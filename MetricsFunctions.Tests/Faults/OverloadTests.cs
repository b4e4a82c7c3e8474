using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace MetricsFunctions.Tests.Faults;

/// <summary>Far more arrives than can be stored, because ClickHouse hangs: most of it is refused, and the service stays as it was.</summary>
[Collection(LoadTests.Name)]
public sealed class OverloadTests(ITestOutputHelper output)
{
    const int Connections = 2000;
    const int MegabytesOfGrowth = 50;

    static readonly TimeSpan Window = TimeSpan.FromSeconds(1);
    static readonly TimeSpan Recovery = TimeSpan.FromSeconds(5);

    // A row of 8 kB: 2,000 of them are 16 MB, and with the copies while a group of them grows about 90.
    static readonly string Large = Sample(string.Concat(Enumerable.Range(0, 31).Select(tag => $", \"{tag}\": \"{new string('x', 255)}\"")));
    static readonly string Small = Sample("");

    readonly ConcurrentQueue<Answer> _refusals = new();
    int _stored;
    volatile string _sample = Small;
    volatile bool _stopping;

    [Fact]
    public async Task A_frozen_ClickHouse_leaves_memory_flat_and_the_rate_returns_when_it_goes_on()
    {
        await using var installation = await Installation.StartAsync(
            ("Ingestion__MaxPendingBytes", $"{1 << 20}"), ("Ingestion__WriteTimeout", "00:00:02"));
        var sending = Enumerable.Range(0, Connections).Select(number => Task.Run(() => SendAsync(installation, number))).ToList();
        try
        {
            await Wait.UntilAsync(() => Task.FromResult(_stored > 5 * Connections));
            var rate = await MeasureAsync();
            var memory = ResidentMemory.Megabytes(installation.Process.Id);

            await installation.FreezeClickHouseAsync();
            _sample = Large;
            var (before, most) = (_refusals.Count, memory);
            await Wait.UntilAsync(() =>
            {
                most = Math.Max(most, ResidentMemory.Megabytes(installation.Process.Id));
                return Task.FromResult(_refusals.Count - before > 3 * Connections);
            });

            _sample = Small;
            await installation.ThawClickHouseAsync();
            var thawed = Stopwatch.StartNew();
            var after = 0.0;
            while (after < rate / 2 && thawed.Elapsed < Recovery)
            {
                after = await MeasureAsync();
            }

            output.WriteLine($"{rate:0} requests/s and {memory} MB; {_refusals.Count} refused with up to {most} MB; {after:0} requests/s {thawed.Elapsed.TotalSeconds:0.0} s after the thaw");
            output.WriteLine(string.Join('\n', _refusals.CountBy(refusal => (refusal.Ending, refusal.Status, refusal.Detail))));
            Assert.InRange(most, 0, memory + MegabytesOfGrowth);

            // More cannot be told from the noise of a machine that others use too.
            Assert.InRange(after, rate / 2, double.MaxValue);
        }
        finally
        {
            _stopping = true;
            await Task.WhenAll(sending);
        }

        Assert.All(_refusals, refusal => Assert.Equal((503, true), (refusal.Status, refusal.RetryAfter is { Length: > 0 })));
        Assert.Contains(_refusals, refusal => refusal.Detail!.Contains("Ingestion:MaxPendingBytes", StringComparison.Ordinal));
        Assert.InRange(int.Parse(await installation.QueryAsync("SELECT count() FROM metrics.samples"), CultureInfo.InvariantCulture), _stored, int.MaxValue);
    }

    async Task SendAsync(Installation installation, int number)
    {
        using var sender = new Sender(installation.Service);
        for (var request = 0; !_stopping; request++)
        {
            // Some with a key, because these wait in another place; few, because each is an INSERT.
            var answer = await sender.PostAsync(_sample, number % 100 == 0 ? $"{number}/{request}" : null);
            if (answer.Status == 200)
            {
                Interlocked.Increment(ref _stored);
            }
            else
            {
                _refusals.Enqueue(answer);
                await Task.Delay(TimeSpan.FromSeconds(int.Parse(answer.RetryAfter ?? "1", CultureInfo.InvariantCulture)));
            }
        }
    }

    async Task<double> MeasureAsync()
    {
        var (before, watch) = (_stored, Stopwatch.StartNew());
        await Task.Delay(Window);
        return (_stored - before) / watch.Elapsed.TotalSeconds;
    }

    static string Sample(string tags) => $$"""{"metric_name": "overload", "metric_value": 1, "tags": {"kind": "x"{{tags}}} }""";
}
