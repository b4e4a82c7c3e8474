namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// An INSERT writes two parts, first to <c>samples</c> and then to its rollup. What ends it between the two leaves the rollup short, and
/// the same INSERT again has to complete it without doubling the samples.
/// </summary>
[Collection(FaultTests.Name)]
public sealed class RollupTests
{
    const string Sample = """{"metric_name": "rolled", "metric_value": 1}""";

    [Fact]
    public async Task A_sender_that_repeats_its_key_completes_the_rollup()
    {
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:02"));
        using var sender = new Sender(installation.Service);
        await installation.QueryAsync("ALTER TABLE metrics.samples_rollup ADD CONSTRAINT refuse CHECK false");

        Assert.Equal(503, (await sender.PostAsync(Sample, "key")).Status);
        await AssertCountedAsync(installation, samples: 1, rollup: 0);

        await installation.QueryAsync("ALTER TABLE metrics.samples_rollup DROP CONSTRAINT refuse");
        Assert.Equal(200, (await sender.PostAsync(Sample, "key")).Status);
        await AssertCountedAsync(installation, samples: 1, rollup: 1);
    }

    [Fact]
    public async Task The_service_completes_the_rollup_when_ClickHouse_died_before_it()
    {
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:30"));
        using var sender = new Sender(installation.Service);

        // Holds the INSERT between its two parts long enough to kill it there.
        await installation.QueryAsync("ALTER TABLE metrics.samples_rollup ADD CONSTRAINT dawdle CHECK sleep(3) = 0");
        var answer = sender.PostAsync(Sample);
        await Wait.UntilAsync(async () => await installation.QueryAsync("SELECT count() FROM metrics.samples") == "1");
        await installation.KillAndRestartClickHouseAsync();
        await AssertCountedAsync(installation, samples: 1, rollup: 0);

        await installation.QueryAsync("ALTER TABLE metrics.samples_rollup DROP CONSTRAINT dawdle");
        Assert.Equal(200, (await answer).Status);
        await AssertCountedAsync(installation, samples: 1, rollup: 1);
    }

    static async Task AssertCountedAsync(Installation installation, int samples, int rollup)
    {
        Assert.Equal($"{samples}", await installation.QueryAsync("SELECT count() FROM metrics.samples"));
        Assert.Equal($"{rollup}", await installation.QueryAsync("SELECT sum(count) FROM metrics.samples_1m"));
        Assert.Equal($"{rollup}", await installation.QueryAsync("SELECT sum(count) FROM metrics.samples_1h"));
    }
}
