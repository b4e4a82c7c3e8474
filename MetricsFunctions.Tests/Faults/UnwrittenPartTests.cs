namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// ClickHouse records an INSERT's token before it puts the part into place. Killed between the two, it knows the INSERT but has no rows;
/// that moment is too short to meet on purpose, so these tests take the part away after the kill.
/// </summary>
public sealed class UnwrittenPartTests
{
    const string Sample = """{"metric_name": "unwritten", "metric_value": 1}""";

    /// <summary>Whatever a power cut or a full disk has left of the record's last line; and what is recorded behind it is known again.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("1\t202611_9")]
    [InlineData("1\t202611_9_9_0\t2026")]
    [InlineData("\0\0\0")]
    public async Task An_INSERT_that_ClickHouse_recorded_but_did_not_write_is_stored_when_it_is_sent_again(string tornLine)
    {
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:30"));
        await PostAsync();
        await KillWithoutPartsAsync(installation, tornLine);
        Assert.Equal("0", await installation.QueryAsync("SELECT count() FROM metrics.samples"));

        await PostAgainAsync();
        await AssertStoredOnceAsync(installation);

        await installation.KillAndRestartClickHouseAsync();
        await PostAgainAsync();
        await AssertStoredOnceAsync(installation);

        // The instance that was answered would know by itself.
        async Task PostAgainAsync()
        {
            await installation.KillAndRestartServiceAsync();
            await PostAsync();
        }

        async Task PostAsync()
        {
            using var sender = new Sender(installation.Service);
            Assert.Equal(200, (await sender.PostAsync(Sample, "key")).Status);
        }
    }

    [Fact]
    public async Task An_INSERT_that_ClickHouse_recorded_but_did_not_write_is_stored_when_the_service_tries_again()
    {
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:30"));
        using var sender = new Sender(installation.Service);

        // Holds the INSERT after its part long enough to kill it there.
        await installation.QueryAsync("CREATE MATERIALIZED VIEW metrics.dawdle ENGINE = Null AS SELECT sleep(3) AS slept FROM metrics.samples");
        var answer = sender.PostAsync(Sample);
        await Wait.UntilAsync(async () => await installation.QueryAsync("SELECT count() FROM metrics.samples") == "1");
        await KillWithoutPartsAsync(installation);

        await installation.QueryAsync("DROP VIEW metrics.dawdle");
        Assert.Equal(200, (await answer).Status);
        await AssertStoredOnceAsync(installation);
    }

    static async Task KillWithoutPartsAsync(Installation installation, string tornLine = "")
    {
        var parts = await installation.QueryAsync("SELECT path FROM system.parts WHERE database = 'metrics' AND table = 'samples' AND active");
        await installation.ClickHouse.KillAsync();
        foreach (var part in parts.Split('\n'))
        {
            Directory.Delete(part, recursive: true);
        }

        var records = Path.Combine(Path.GetDirectoryName(parts.Split('\n')[0].TrimEnd('/'))!, "deduplication_logs");
        await File.AppendAllTextAsync(Assert.Single(Directory.GetFiles(records)), tornLine);

        await installation.ClickHouse.RestartAsync();
    }

    static async Task AssertStoredOnceAsync(Installation installation) =>
        Assert.Equal("1", await installation.QueryAsync("SELECT count() FROM metrics.samples"));
}
