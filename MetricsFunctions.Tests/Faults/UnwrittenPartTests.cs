namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// ClickHouse records an INSERT's token before it puts the part into place. Killed between the two, it knows the INSERT but has no rows;
/// that moment is too short to meet on purpose, so these tests take the part away after the kill.
/// </summary>
[Collection(FaultTests.Name)]
public sealed class UnwrittenPartTests
{
    const string Sample = """{"metric_name": "unwritten", "metric_value": 1}""";

    [Theory]
    [InlineData("samples", "samples_rollup")]
    [InlineData("samples_rollup")]
    public async Task An_INSERT_that_ClickHouse_recorded_but_did_not_write_is_stored_when_it_is_sent_again(params string[] unwritten)
    {
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:30"));
        using var sender = new Sender(installation.Service);
        Assert.Equal(200, (await sender.PostAsync(Sample, "key")).Status);

        await KillWithoutPartsAsync(installation, unwritten);
        Assert.Equal(unwritten.Contains("samples") ? "0" : "1", await installation.QueryAsync("SELECT count() FROM metrics.samples"));
        Assert.Equal("0", await installation.QueryAsync("SELECT sum(count) FROM metrics.samples_1m"));

        Assert.Equal(200, (await sender.PostAsync(Sample, "key")).Status);
        await AssertStoredOnceAsync(installation);
    }

    [Fact]
    public async Task An_INSERT_that_ClickHouse_recorded_but_did_not_write_is_stored_when_the_service_tries_again()
    {
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:30"));
        using var sender = new Sender(installation.Service);

        // Holds the INSERT between its two parts long enough to kill it there.
        await installation.QueryAsync("ALTER TABLE metrics.samples_rollup ADD CONSTRAINT dawdle CHECK sleep(3) = 0");
        var answer = sender.PostAsync(Sample);
        await Wait.UntilAsync(async () => await installation.QueryAsync("SELECT count() FROM metrics.samples") == "1");
        await KillWithoutPartsAsync(installation, "samples");

        await installation.QueryAsync("ALTER TABLE metrics.samples_rollup DROP CONSTRAINT dawdle");
        Assert.Equal(200, (await answer).Status);
        await AssertStoredOnceAsync(installation);
    }

    static async Task KillWithoutPartsAsync(Installation installation, params string[] tables)
    {
        var parts = await installation.QueryAsync(
            $"SELECT path FROM system.parts WHERE database = 'metrics' AND table IN ('{string.Join("', '", tables)}') AND active");
        await installation.ClickHouse.KillAsync();
        foreach (var part in parts.Split('\n'))
        {
            Directory.Delete(part, recursive: true);
        }

        await installation.ClickHouse.RestartAsync();
    }

    static async Task AssertStoredOnceAsync(Installation installation)
    {
        Assert.Equal("1", await installation.QueryAsync("SELECT count() FROM metrics.samples"));
        Assert.Equal("1", await installation.QueryAsync("SELECT sum(count) FROM metrics.samples_1m"));
    }
}
