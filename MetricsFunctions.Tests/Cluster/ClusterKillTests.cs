using System.Net;
using MetricsFunctions.Tests.Faults;
using MetricsFunctions.Tests.Standalone;

namespace MetricsFunctions.Tests.Cluster;

/// <summary>Servers of a cluster die under load; what was acknowledged is stored all the same.</summary>
public sealed class ClusterKillTests(ITestOutputHelper output)
{
    const int Senders = 8;

    /// <summary>The service inserts through the first server; the second is known to that one alone.</summary>
    /// <param name="killed">Which one dies.</param>
    /// <param name="withKeys">Whether each sample has an idempotency key.</param>
    [Theory]
    [InlineData(0, true)]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(1, false)]
    public async Task Killing_a_shard_loses_no_sample_and_doubles_none_that_has_a_key(int killed, bool withKeys)
    {
        await using var cluster = await ShardedClickHouse.StartAsync(2);
        var service = new IPEndPoint(IPAddress.Loopback, Ports.Free());
        using var process = StandaloneProcess.Start(
            ("Urls", $"http://{service}"),
            ("Ingestion__AllowAnonymous", "true"),
            ("Ingestion__WriteTimeout", "00:00:02"),
            ("ConnectionStrings__ClickHouse", cluster.ConnectionString(0)));
        await process.StartedAsync();
        await using var senders = new NumberedSenders(service, Senders, withKeys);

        var rounds = Rounds.Or(1);
        for (var round = 0; round < rounds; round++)
        {
            // Never at the same point of the load; now and then for so long that the service gives up, and its senders have to go on.
            await senders.AcknowledgedAsync(Random.Shared.Next(Senders, 4 * Senders));
            await cluster.Servers[killed].KillAsync();
            if (round % 2 == 0)
            {
                await senders.RepeatedAsync(Senders);
            }

            await cluster.Servers[killed].RestartAsync();
        }

        await senders.AcknowledgedAsync(Senders);
        await senders.StopAsync();
        output.WriteLine($"""
            {rounds} kills, {Senders} senders, {senders.Acknowledged} samples acknowledged, {senders.Repeated.Count} of them sent more than once,
            longest wait for an answer {senders.LongestWait.TotalSeconds:0.0} s
            """);
        foreach (var line in process.Output.Split('\n').Select(line => line.Split('(')[0].Trim()).Where(line => line.StartsWith("Samples ", StringComparison.Ordinal)).Distinct())
        {
            output.WriteLine(line);
        }

        Assert.NotEmpty(senders.Repeated);
        Func<string, Task<string>> queryAsync = sql => cluster.QueryAsync(0, sql);
        await (withKeys ? Stored.AssertEachOnceAsync(queryAsync, senders) : Stored.AssertAtLeastOnceAsync(queryAsync, senders));
        for (var server = 0; server < 2; server++)
        {
            Assert.NotEqual("0", await cluster.QueryAsync(server, "SELECT count() FROM metrics.samples_local"));
        }
    }
}
