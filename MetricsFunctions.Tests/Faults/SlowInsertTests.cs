namespace MetricsFunctions.Tests.Faults;

/// <summary>INSERTs that take more than half of the time that they may.</summary>
[Collection(LoadTests.Name)]
public sealed class SlowInsertTests
{
    const int Senders = 20;

    [Fact]
    public async Task Those_who_wait_for_one_share_the_next_and_nobody_is_starved()
    {
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:01"));
        await installation.QueryAsync("ALTER TABLE metrics.samples ADD CONSTRAINT dawdle CHECK sleep(0.6) = 0");
        await using var senders = new NumberedSenders(installation.Service, Senders, withKeys: false);
        await senders.AcknowledgedAsync(10 * Senders);
        await senders.StopAsync();
        await Stored.AssertAtLeastOnceAsync(installation, senders);

        Assert.InRange(await installation.CountInsertsAsync(), 1, senders.Acknowledged / (Senders / 2));
    }
}
