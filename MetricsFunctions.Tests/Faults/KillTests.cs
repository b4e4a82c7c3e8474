namespace MetricsFunctions.Tests.Faults;

/// <summary>Processes die at any moment, as in a crash; what was acknowledged is stored all the same.</summary>
public sealed class KillTests(ITestOutputHelper output)
{
    const int Senders = 32;

    [Fact]
    public async Task Killing_the_service_loses_no_sample_and_doubles_none()
    {
        await using var installation = await Installation.StartAsync();
        await using var senders = new NumberedSenders(installation.Service, Senders, withKeys: true);
        await RepeatAsync(senders, installation.KillAndRestartServiceAsync);
        Assert.NotEmpty(senders.Repeated);
        await Stored.AssertEachOnceAsync(installation, senders);
    }

    [Fact]
    public async Task Killing_the_service_loses_no_sample_of_senders_without_keys()
    {
        await using var installation = await Installation.StartAsync();
        await using var senders = new NumberedSenders(installation.Service, Senders, withKeys: false);
        await RepeatAsync(senders, installation.KillAndRestartServiceAsync);
        Assert.NotEmpty(senders.Repeated);
        await Stored.AssertAtLeastOnceAsync(installation, senders);
    }

    /// <summary>The service tries on by itself while ClickHouse is away; once it is away for too long, its senders have to.</summary>
    /// <param name="withKeys">Whether each sample has an idempotency key.</param>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Killing_ClickHouse_loses_no_sample_and_doubles_none_that_has_a_key(bool withKeys)
    {
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:01"));
        await using var senders = new NumberedSenders(installation.Service, Senders, withKeys);
        var kills = 0;
        await RepeatAsync(senders, async () =>
        {
            await installation.ClickHouse.KillAsync();
            if (kills++ % 2 == 0)
            {
                await senders.RepeatedAsync(Senders);
            }

            await installation.ClickHouse.RestartAsync();
        });

        Assert.NotEmpty(senders.Repeated);
        await (withKeys ? Stored.AssertEachOnceAsync(installation, senders) : Stored.AssertAtLeastOnceAsync(installation, senders));
    }

    async Task RepeatAsync(NumberedSenders senders, Func<Task> kill)
    {
        var rounds = Rounds.Or(2);
        for (var round = 0; round < rounds; round++)
        {
            // Never at the same point of the load.
            await senders.AcknowledgedAsync(Random.Shared.Next(Senders, 4 * Senders));
            await kill();
        }

        await senders.AcknowledgedAsync(Senders);
        await senders.StopAsync();
        output.WriteLine($"{rounds} kills, {Senders} senders, {senders.Acknowledged} samples acknowledged, {senders.Repeated.Count} of them sent more than once");
    }
}
