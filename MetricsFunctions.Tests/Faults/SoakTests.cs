using System.Diagnostics;
using System.Globalization;

namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// Half of what the service can take, for a long time, with bad requests among the good ones and a crash of ClickHouse in the middle. Ten
/// minutes of it: <c>SOAK_SECONDS=600 dotnet test MetricsFunctions.Tests --filter FullyQualifiedName~Soak --logger "console;verbosity=detailed"</c>.
/// </summary>
[Collection(LoadTests.Name)]
public sealed class SoakTests(ITestOutputHelper output)
{
    const int Senders = 64;
    const int GoodForEachBad = 99;
    const int MostLogLines = 100;

    static readonly TimeSpan Length = TimeSpan.FromSeconds(
        double.Parse(Environment.GetEnvironmentVariable("SOAK_SECONDS") ?? "6", CultureInfo.InvariantCulture));

    [Fact]
    public async Task Half_of_full_load_leaves_memory_flat_the_log_short_and_every_sample_stored_once()
    {
        // Senders that had to repeat a sample could double it; ClickHouse is back sooner than this on any machine.
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:50"));
        var full = await FullLoadAsync(installation);
        await installation.QueryAsync("TRUNCATE TABLE metrics.samples");

        await using var senders = new NumberedSenders(installation.Service, Senders, withKeys: false, pace: TimeSpan.FromSeconds(2 * Senders / full));
        using var stop = new CancellationTokenSource();
        var bad = SendBadAsync(installation, senders, stop.Token);
        var memory = new List<int>();
        var crashed = false;
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < Length && !bad.IsCompleted; await Task.Delay(Length / 100))
        {
            memory.Add(ResidentMemory.Megabytes(installation.Process.Id));
            if (!crashed && watch.Elapsed > Length / 2)
            {
                crashed = true;
                await installation.KillAndRestartClickHouseAsync();
            }
        }

        await senders.StopAsync();
        await stop.CancelAsync();
        var refused = await bad;

        // What the first fifth brings is the runtime's warming up.
        var early = Median(memory[(memory.Count / 5)..(2 * memory.Count / 5)]);
        var late = Median(memory[(4 * memory.Count / 5)..]);
        var lines = installation.Process.Output.Count(letter => letter == '\n');
        output.WriteLine($"{full:N0} requests/s at full load; {senders.Acknowledged:N0} samples in {Length.TotalSeconds:N0} s, and {refused:N0} bad requests");
        output.WriteLine($"{early} MB after a fifth, {late} MB at the end, at most {memory.Max()} MB; {lines} lines of log");
        Assert.Empty(senders.Repeated);
        await Stored.AssertEachOnceAsync(installation, senders);
        Assert.InRange(late, 0, early + early / 5);
        Assert.InRange(lines, 0, MostLogLines);
    }

    static async Task<double> FullLoadAsync(Installation installation)
    {
        await using var senders = new NumberedSenders(installation.Service, Senders, withKeys: false);
        await senders.AcknowledgedAsync(10 * Senders);
        var (before, watch) = (senders.Acknowledged, Stopwatch.StartNew());
        await senders.AcknowledgedAsync(50 * Senders);
        var rate = (senders.Acknowledged - before) / watch.Elapsed.TotalSeconds;
        await senders.StopAsync();
        return rate;
    }

    static async Task<int> SendBadAsync(Installation installation, NumberedSenders senders, CancellationToken stop)
    {
        using var sender = new Sender(installation.Service);
        var refused = 0;
        while (!stop.IsCancellationRequested)
        {
            if (senders.Acknowledged < refused * GoodForEachBad)
            {
                await Task.Delay(5, CancellationToken.None);
                continue;
            }

            var answer = await sender.PostAsync("""{"metric_name": "bad", "metric_value": "1"}""");
            Assert.Equal(400, answer.Status);
            refused++;
        }

        return refused;
    }

    static int Median(List<int> values) => values.Order().ElementAt(values.Count / 2);
}
