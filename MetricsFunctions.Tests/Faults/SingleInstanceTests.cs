namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// The only instance knows by itself which requests it has stored, so those with an identity share INSERTs, and each is stored once all the same,
/// whatever dies: every request here is sent until it is acknowledged, and then once more until it is acknowledged again.
/// </summary>
public sealed class SingleInstanceTests(ITestOutputHelper output)
{
    const int Senders = 64;

    /// <summary>What is done to the two processes.</summary>
    public enum Fault
    {
        /// <summary>The service is killed and started again.</summary>
        KillService,

        /// <summary>ClickHouse is killed and started again, in every other round for longer than requests wait.</summary>
        KillClickHouse,

        /// <summary>Both are killed, ClickHouse first.</summary>
        KillBoth,

        /// <summary>ClickHouse stops answering for longer than requests wait, and goes on.</summary>
        Freeze,

        /// <summary>ClickHouse stops, and goes on when the service that sent it INSERTs has been killed and started again.</summary>
        KillServiceWhileFrozen,
    }

    [Theory]
    [InlineData(Fault.KillService)]
    [InlineData(Fault.KillClickHouse)]
    [InlineData(Fault.KillBoth)]
    [InlineData(Fault.Freeze)]
    [InlineData(Fault.KillServiceWhileFrozen)]
    public async Task A_request_is_stored_once_whatever_dies(Fault fault)
    {
        await using var installation = await Installation.StartAsync(
            ("Ingestion__SingleInstance", "true"), ("Ingestion__WriteTimeout", "00:00:02"));
        await using var senders = new NumberedSenders(installation.Service, Senders, Wordings.Any, sendsTwice: true);
        var rounds = Rounds.Or(1);
        for (var round = 0; round < rounds; round++)
        {
            // Never at the same point of the load.
            await senders.AcknowledgedAsync(Random.Shared.Next(Senders, 4 * Senders));
            await DoAsync(fault, round, installation, senders);
        }

        await senders.AcknowledgedAsync(Senders);
        await senders.StopAsync();
        output.WriteLine($"{fault}, {rounds} times, {Senders} senders: {senders.Acknowledged} samples acknowledged twice, {senders.Repeated.Count} of them sent more often");

        Assert.NotEmpty(senders.Repeated);
        await Stored.AssertEachOnceAsync(installation, senders);
    }

    [Fact]
    public async Task Requests_with_an_identity_share_INSERTs()
    {
        await using var installation = await Installation.StartAsync(("Ingestion__SingleInstance", "true"));
        await using var senders = new NumberedSenders(installation.Service, Senders, Wordings.Any);
        await senders.AcknowledgedAsync(20 * Senders);
        await senders.StopAsync();

        Assert.InRange(await installation.CountInsertsAsync(), 1, senders.Acknowledged / 4);
        await Stored.AssertEachOnceAsync(installation, senders);
    }

    /// <summary>ClickHouse commits the samples before it asks the view, and refuses the INSERT all the same: they are found in the table.</summary>
    [Fact]
    public async Task A_request_whose_INSERT_fails_in_a_view_is_stored_once()
    {
        await using var installation = await Installation.StartAsync(("Ingestion__SingleInstance", "true"), ("Ingestion__WriteTimeout", "00:00:01"));
        await installation.QueryAsync("CREATE MATERIALIZED VIEW metrics.failing ENGINE = Null AS SELECT throwIf(metric_value = 1) AS x FROM metrics.samples");
        using var sender = new Sender(installation.Service);
        const string Sample = """{"metric_name": "viewed", "metric_value": 1}""";
        Assert.Equal(200, (await sender.PostAsync(Sample, "key")).Status);
        Assert.Equal(200, (await sender.PostAsync(Sample, "key")).Status);
        Assert.Equal("1", await installation.QueryAsync("SELECT count() FROM metrics.samples"));
    }

    static async Task DoAsync(Fault fault, int round, Installation installation, NumberedSenders senders)
    {
        switch (fault)
        {
            case Fault.KillService:
                await installation.KillAndRestartServiceAsync();
                break;
            case Fault.KillClickHouse:
                await installation.ClickHouse.KillAsync();
                if (round % 2 == 0)
                {
                    await senders.RepeatedAsync(Senders);
                }

                await installation.ClickHouse.RestartAsync();
                break;
            case Fault.KillBoth:
                await installation.ClickHouse.KillAsync();
                await installation.Process.KillAsync();
                await installation.ClickHouse.RestartAsync();
                await installation.StartServiceAsync();
                break;
            case Fault.Freeze:
                await installation.FreezeClickHouseAsync();
                await senders.RepeatedAsync(Senders);
                await installation.ThawClickHouseAsync();
                break;
            default:
                await installation.FreezeClickHouseAsync();
                await installation.KillAndRestartServiceAsync();
                await installation.ThawClickHouseAsync();
                break;
        }
    }
}
