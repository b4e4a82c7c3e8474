using System.Diagnostics;
using System.Net;
using ClickHouse.Driver;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Tests.Faults;
using MetricsFunctions.Tests.Standalone;

namespace MetricsFunctions.Tests.Storage;

/// <summary>The name in the connection string comes to stand for another server while samples arrive all the time.</summary>
public sealed class MovedClickHouseTests(ITestOutputHelper output)
{
    const string Name = "moved-clickhouse";
    const string Password = "the same for both";
    const int Senders = 16;

    // Most of the time goes by waiting for connections to grow old.
    static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(20);

    /// <summary>As many INSERTs as may be under way at a time, of requests with keys.</summary>
    const int MostConnections = 4;

    static readonly IPAddress OldAddress = IPAddress.Parse("127.0.0.2");
    static readonly IPAddress NewAddress = IPAddress.Parse("127.0.0.3");

    [Fact]
    public async Task Samples_follow_the_name_over_a_handful_of_connections()
    {
        using var folder = new TemporaryFolder();
        var hosts = Path.Combine(folder.Path, "hosts");
        await File.WriteAllTextAsync(hosts, $"{OldAddress} {Name}\n");
        var port = Ports.Free();
        var service = new IPEndPoint(IPAddress.Loopback, Ports.Free());
        using var standalone = StandaloneProcess.StartWithHosts(
            hosts,
            ("Urls", $"http://{service}"),
            ("Ingestion__AllowAnonymous", "true"),
            ("ConnectionStrings__ClickHouse", $"Host={Name};Port={port};Username={Admin.User};Password={Password}"));
        await standalone.StartedAsync();
        await using var before = await StartAsync(Path.Combine(folder.Path, "before"));
        await using var after = await StartAsync(Path.Combine(folder.Path, "after"));
        await using var old = new CountingRelay(new IPEndPoint(OldAddress, port), before.HttpPort);
        var moved = new CountingRelay(new IPEndPoint(NewAddress, port), after.HttpPort);
        await using var senders = new NumberedSenders(service, Senders, withKeys: true, Pace);
        try
        {
            var watch = Stopwatch.StartNew();
            await senders.AcknowledgedAsync(200);
            AssertHandful(old, watch);
            Assert.Equal(0, moved.Connections);

            // The old server stays, and would take samples for ever.
            await File.WriteAllTextAsync(hosts, $"{NewAddress} {Name}\n");
            watch.Restart();
            await Wait.UntilAsync(() => Task.FromResult(moved.Connections > 0 && old.Open == 0));
            output.WriteLine($"Moved after {watch.Elapsed.TotalSeconds:0.0} s");
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, 2 * ClickHouseConnection.Lifetime);
            watch.Restart();
            await senders.AcknowledgedAsync(200);
            AssertHandful(moved, watch);
            Assert.Empty(senders.Repeated);

            // And back, when the server goes away as soon as the name has moved.
            await File.WriteAllTextAsync(hosts, $"{OldAddress} {Name}\n");
        }
        finally
        {
            await moved.DisposeAsync();
        }

        await senders.AcknowledgedAsync(200);
        await senders.StopAsync();
        var stored = await Task.WhenAll(NumbersAsync(before), NumbersAsync(after));
        var times = stored.SelectMany(numbers => numbers).CountBy(number => number).ToDictionary();
        Assert.Equal(senders.Acknowledged, times.Count);

        // An INSERT that the leaving server had committed and not answered comes again, and the other one cannot know it.
        Assert.InRange(times.Values.Count(count => count > 1), 0, MostConnections);
        output.WriteLine($"{senders.Acknowledged} samples, {old.Connections} and {moved.Connections} connections");
    }

    static void AssertHandful(CountingRelay relay, Stopwatch watch) =>
        Assert.InRange(relay.Connections, 1, MostConnections * (2 + (int)(watch.Elapsed / ClickHouseConnection.Lifetime)));

    static async Task<ClickHouseServer> StartAsync(string data)
    {
        Directory.CreateDirectory(data);
        await File.WriteAllTextAsync(Path.Combine(data, Admin.PasswordFile), Password);
        var server = await ClickHouseServer.StartAsync(new ClickHouseServerOptions { DataPath = data });
        using var client = new ClickHouseClient(server.ConnectionString);
        await Schema.ApplyAsync(client);
        return server;
    }

    static async Task<string[]> NumbersAsync(ClickHouseServer server) =>
        (await ClickHouseSql.QueryAsync(server, "SELECT tags['sender'], metric_value FROM metrics.samples")).Split('\n');
}
