namespace MetricsFunctions.Tests.Faults;

/// <summary>Many parts are broken, as a power cut leaves those that were written last: ClickHouse starts all the same, and serves the others.</summary>
public sealed class BrokenPartTests
{
    // More than the hundred with which ClickHouse refuses to start by default.
    const int Broken = 150;

    [Fact]
    public async Task ClickHouse_starts_with_many_broken_parts_and_serves_the_others()
    {
        await using var installation = await Installation.StartAsync();
        await installation.QueryAsync("SYSTEM STOP MERGES metrics.samples");
        for (var i = 0; i <= Broken; i++)
        {
            await installation.QueryAsync($"INSERT INTO metrics.samples (metric_name, metric_value) VALUES ('part', {i})");
        }

        var folders = (await installation.QueryAsync("SELECT path FROM system.parts WHERE active AND table = 'samples' ORDER BY name")).Split('\n');
        Assert.Equal(Broken + 1, folders.Length);
        await installation.ClickHouse.KillAsync();
        foreach (var folder in folders[..Broken])
        {
            await File.WriteAllBytesAsync(Path.Combine(folder, "data.bin"), []);
        }

        await installation.ClickHouse.RestartAsync();
        Assert.Equal("1", await installation.QueryAsync("SELECT count() FROM metrics.samples"));
        using var sender = new Sender(installation.Service);
        await Wait.UntilAsync(async () => (await sender.PostAsync("""{"metric_name": "after", "metric_value": 1}""")).Status == 200);
    }
}
