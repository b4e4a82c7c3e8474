using MetricsFunctions.Tests.Faults;

namespace MetricsFunctions.Tests.LoadBalancer;

/// <summary>
/// Four instances behind Debian's nginx, which has the configuration of <c>docs/deploy.md</c>, restarted one after the other under load.
/// For longer: <c>FAULT_ROUNDS=20 dotnet test MetricsFunctions.Tests --filter "FullyQualifiedName~RollingRestartTests"</c>.
/// </summary>
public sealed class RollingRestartTests(ITestOutputHelper output)
{
    const int Count = 4;
    const int Senders = 64;

    // More than one instance need not take, so that four are not busy with it alone.
    static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(50);

    /// <summary>Without a key, what nginx sent a second time would be stored a second time, if the first had been read.</summary>
    [Fact]
    public Task No_request_fails_when_instances_are_terminated() => EachInTurnAsync((instances, number) => instances.RestartAsync(number), withKeys: false);

    /// <summary>A crash may come between the commit and the answer. Then only a key tells that nginx sends the same request again.</summary>
    [Fact]
    public Task No_request_with_a_key_fails_when_instances_are_killed() => EachInTurnAsync((instances, number) => instances.KillAndRestartAsync(number), withKeys: true);

    async Task EachInTurnAsync(Func<Instances, int, Task> restartAsync, bool withKeys)
    {
        await using var instances = await Instances.StartAsync(Count);
        using var nginx = await NginxProcess.StartAsync(instances.Addresses);
        await using var senders = new NumberedSenders(nginx.Address, Senders, withKeys, Pace);
        await senders.AcknowledgedAsync(Senders);
        for (var round = 0; round < Rounds.Or(1); round++)
        {
            for (var number = 0; number < Count; number++)
            {
                await restartAsync(instances, number);
                await senders.AcknowledgedAsync(Senders);
            }
        }

        await senders.StopAsync();
        var attempts = nginx.Log.Split('\n').Where(line => line.Contains("upstream", StringComparison.Ordinal))
            .CountBy(line => line.Split(": ", 2)[1][(line.Split(": ", 2)[1].IndexOf(' ', StringComparison.Ordinal) + 1)..].Split(", client")[0]);
        output.WriteLine($"{senders.Acknowledged} samples; nginx sent some elsewhere after: {string.Join("; ", attempts)}");
        Assert.Empty(senders.Repeated);
        await Stored.AssertEachOnceAsync(instances.QueryAsync, senders);
    }
}
