namespace MetricsFunctions.Tests.Faults;

/// <summary>A ClickHouse that hangs: it takes connections and INSERTs, answers none, and carries them out when it goes on.</summary>
[Collection(LoadTests.Name)]
public sealed class FreezeTests(ITestOutputHelper output)
{
    const int Senders = 32;
    static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(1);

    // For a busy machine; without the timeout a request would wait as long as ClickHouse is frozen.
    static readonly TimeSpan Margin = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task A_frozen_ClickHouse_is_a_503_in_time_and_doubles_no_sample_when_it_goes_on()
    {
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", $"{WriteTimeout}"));
        await using var senders = new NumberedSenders(installation.Service, Senders, withKeys: true);
        for (var round = 0; round < Rounds.Or(1); round++)
        {
            await senders.AcknowledgedAsync(Senders);
            await installation.FreezeClickHouseAsync();

            await senders.RepeatedAsync(2 * Senders);
            await installation.ThawClickHouseAsync();
        }

        await senders.AcknowledgedAsync(Senders);
        await senders.StopAsync();
        output.WriteLine($"{senders.Acknowledged} samples acknowledged, {senders.Repeated.Count} of them sent more than once, longest wait {senders.LongestWait}");

        Assert.InRange(senders.LongestWait, WriteTimeout, (2 * WriteTimeout) + Margin);
        await Stored.AssertEachOnceAsync(installation, senders);
    }
}
