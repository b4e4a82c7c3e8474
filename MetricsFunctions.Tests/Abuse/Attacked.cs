using System.Collections.Concurrent;
using System.Globalization;
using MetricsFunctions.Tests.Faults;

namespace MetricsFunctions.Tests.Abuse;

/// <summary>A service under attack, and what its good clients feel when it is let alone.</summary>
public class Attacked : IAsyncLifetime
{
    // Latency is asserted on a quiet machine only: elsewhere it is the machine's.
    const double MostTimesQuietP99 = 5;
    const double MostTimesQuietP99WhereStored = 10;

    static readonly string? Seconds = Environment.GetEnvironmentVariable("ABUSE_SECONDS");
    static readonly TimeSpan Length = TimeSpan.FromSeconds(double.Parse(Seconds ?? "0.5", CultureInfo.InvariantCulture));

    Installation _installation = null!;
    double _quiet;

    /// <summary>Whether somebody asks for proof.</summary>
    public static bool IsLong => Seconds is not null;

    /// <summary>Settings of the service.</summary>
    protected virtual (string Setting, string Value)[] Settings => [("Ingestion__WriteTimeout", "00:00:50")];

    public async ValueTask InitializeAsync()
    {
        _installation = await Installation.StartAsync(Settings);
        await MeasureAsync();
        (_quiet, _) = await MeasureAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _installation.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    internal async Task OutlastAsync(Attack attack, long mostMegabytes, ITestOutputHelper output)
    {
        // The merges of what the one before had stored are not this one's doing.
        await Wait.UntilAsync(async () => await _installation.QueryAsync("SELECT count() FROM system.merges") == "0");
        var process = _installation.Process;
        ResidentMemory.ForgetPeak(process.Id);
        var before = ResidentMemory.PeakMegabytes(process.Id);

        var statuses = new ConcurrentBag<int>();
        var (p99, requests) = await MeasureAsync(attack, statuses);

        var most = ResidentMemory.PeakMegabytes(process.Id);
        var answers = string.Join(", ", statuses.CountBy(status => status).OrderBy(entry => entry.Key).Select(entry => $"{entry.Value} × {entry.Key}"));
        output.WriteLine($"| {attack.Name} | {attack.Connections} | {answers} | {before} → {most} MB | {_quiet:0.0} → {p99:0.0} ms ({p99 / _quiet:0.0}) | {requests} |");
        Assert.All(statuses, status => Assert.Contains(status, attack.Statuses));
        Assert.InRange(most, 0, mostMegabytes);
        Assert.DoesNotContain("nobody foresaw", process.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("OutOfMemoryException", process.Output, StringComparison.Ordinal);
        if (IsLong)
        {
            // What is stored of it is work for ClickHouse, on the same cores.
            Assert.InRange(p99 / _quiet, 0, statuses.Contains(200) ? MostTimesQuietP99WhereStored : MostTimesQuietP99);
        }
    }

    async Task<(double P99, int Requests)> MeasureAsync(Attack? attack = null, ConcurrentBag<int>? statuses = null)
    {
        using var stop = new CancellationTokenSource();
        var good = GoodClients.SendAsync(_installation.Service, stop.Token);
        var bad = Enumerable.Range(0, attack?.Connections ?? 0).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                if (await attack!.RequestAsync(_installation.Service, stop.Token) is { } status)
                {
                    statuses!.Add(status);
                }
            }
        })).ToList();
        await Task.WhenAny(Task.Delay(Length), good);
        await stop.CancelAsync();
        await Task.WhenAll(bad);
        return await good;
    }
}
