using System.Collections.Concurrent;
using System.Globalization;
using MetricsFunctions.Tests.Faults;

namespace MetricsFunctions.Tests.Abuse;

/// <summary>
/// Others misuse the service as hard as they can: the service stays up, its memory stays within bounds, and those who do all as it should
/// be done get their answers. The table of docs/operations.md, on a quiet machine:
/// <c>TMPDIR=/dev/shm ABUSE_SECONDS=10 dotnet test MetricsFunctions.Tests -c Release --filter FullyQualifiedName~AbuseTests --logger "console;verbosity=detailed"</c>.
/// </summary>
[Collection(FaultTests.Name)]
public sealed class AbuseTests(ITestOutputHelper output)
{
    // Latency is asserted on a quiet machine only: elsewhere it is the machine's.
    const double MostTimesQuietP99 = 5;
    const long MostMegabytes = 500;

    static readonly string? Seconds = Environment.GetEnvironmentVariable("ABUSE_SECONDS");
    static readonly TimeSpan Length = TimeSpan.FromSeconds(double.Parse(Seconds ?? "3", CultureInfo.InvariantCulture));

    public static TheoryData<string> Attacks { get; } = [.. Attack.All.Keys];

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task The_service_and_its_good_clients_outlast(string name)
    {
        var attack = Attack.All[name];
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:50"));
        await MeasureAsync(installation, []);
        var (quiet, _) = await MeasureAsync(installation, []);
        var before = ResidentMemory.PeakMegabytes(installation.Process.Id);

        var statuses = new ConcurrentBag<int>();
        var (p99, requests) = await MeasureAsync(installation, [attack], statuses);

        var most = ResidentMemory.PeakMegabytes(installation.Process.Id);
        var answers = string.Join(", ", statuses.CountBy(status => status).OrderBy(entry => entry.Key).Select(entry => $"{entry.Value} × {entry.Key}"));
        output.WriteLine($"| {name} | {attack.Connections} | {answers} | {before} → {most} MB | {quiet:0.0} → {p99:0.0} ms ({p99 / quiet:0.0}) | {requests} |");
        Assert.All(statuses, status => Assert.Contains(status, attack.Statuses));
        Assert.InRange(most, 0, MostMegabytes);
        Assert.DoesNotContain("defect", installation.Process.Output, StringComparison.Ordinal);
        if (Seconds is not null)
        {
            Assert.InRange(p99 / quiet, 0, MostTimesQuietP99);
        }
    }

    static async Task<(double P99, int Requests)> MeasureAsync(Installation installation, Attack[] attacks, ConcurrentBag<int>? statuses = null)
    {
        using var stop = new CancellationTokenSource();
        var good = GoodClients.SendAsync(installation.Service, stop.Token);
        var bad = attacks.SelectMany(attack => Enumerable.Range(0, attack.Connections).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                if (await attack.RequestAsync(installation.Service, stop.Token) is { } status)
                {
                    statuses!.Add(status);
                }
            }
        }))).ToList();
        await Task.WhenAny(Task.Delay(Length), good);
        await stop.CancelAsync();
        await Task.WhenAll(bad);
        return await good;
    }
}
