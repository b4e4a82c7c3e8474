using System.Collections.Concurrent;
using System.Globalization;

namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// The power fails under load: both processes are gone at once, and with them whatever Linux had not written to the disk. Every request is
/// one that a sender may repeat, and is sent once more behind the last cut.
/// </summary>
public sealed class PowerCutTests(ITestOutputHelper output)
{
    const int Senders = 32;

    [Fact]
    public async Task With_fsync_no_sample_is_lost_and_none_is_doubled()
    {
        await using var disk = await Disk.MountAsync();
        await using var installation = await StartAsync(disk, fsync: true);
        var sent = new ConcurrentBag<SentRequest>();
        await using var senders = Send(installation, sent);
        var rounds = Rounds.Or(1);
        for (var round = 0; round < rounds; round++)
        {
            await LoadAsync(senders);
            await CutPowerAsync(disk, installation);
        }

        await LoadAsync(senders);
        await senders.StopAsync();
        output.WriteLine($"{rounds} power cuts, {Senders} senders, {senders.Acknowledged} samples acknowledged");
        await Stored.AssertEachOnceAsync(installation, senders);
        await SendAgainAsync(installation, sent);
        await Stored.AssertEachOnceAsync(installation, senders);
    }

    [Fact]
    public async Task Without_it_what_was_written_to_the_disk_is_there_and_what_was_lost_can_be_sent_again()
    {
        var rounds = Rounds.Or(1);
        for (var round = 0; round < rounds; round++)
        {
            await using var disk = await Disk.MountAsync();
            await using var installation = await StartAsync(disk, fsync: false);
            var sent = new ConcurrentBag<SentRequest>();
            await using var senders = Send(installation, sent);
            await LoadAsync(senders);
            var written = senders.Sent;
            await disk.SyncAsync();
            await LoadAsync(senders);
            await CutPowerAsync(disk, installation);
            await senders.StopAsync();

            var (there, lost) = (await CountAsync(installation, written), senders.Acknowledged - await CountAsync(installation, senders.Sent));
            output.WriteLine($"{senders.Acknowledged} samples acknowledged, {lost} of them lost");
            Assert.Equal(Numbers(written).Sum(), there);

            await SendAgainAsync(installation, sent);
            await Stored.AssertEachOnceAsync(installation, senders);
        }
    }

    [Fact]
    public async Task A_cut_takes_what_was_not_synced()
    {
        await using var disk = await Disk.MountAsync();
        var (synced, unsynced) = (Path.Combine(disk.Path, "synced"), Path.Combine(disk.Path, "unsynced"));
        await File.WriteAllTextAsync(unsynced, "in memory");
        await using (var file = File.Create(synced))
        {
            file.Write("on the disk"u8);
            file.Flush(flushToDisk: true);
        }

        disk.Cut();
        await disk.RestoreAsync();
        Assert.Equal("on the disk", await File.ReadAllTextAsync(synced));
        Assert.Equal("", File.Exists(unsynced) ? await File.ReadAllTextAsync(unsynced) : "");
    }

    static Task<Installation> StartAsync(Disk disk, bool fsync) => Installation.StartAsync(
        Path.Combine(disk.Path, "data"), fsync, ("Ingestion__SingleInstance", "true"), ("Ingestion__WriteTimeout", "00:00:02"));

    static NumberedSenders Send(Installation installation, ConcurrentBag<SentRequest> sent) => new(installation.Service, Senders, (sender, number, time) =>
    {
        var request = Wordings.Any(sender, number, time);
        sent.Add(request);
        return request;
    });

    // Never up to the same point.
    static Task LoadAsync(NumberedSenders senders) => senders.AcknowledgedAsync(Random.Shared.Next(Senders, 50 * Senders));

    static async Task CutPowerAsync(Disk disk, Installation installation)
    {
        // Frozen, because ClickHouse without power acknowledges nothing, and ClickHouse with I/O errors of the disk might.
        await installation.FreezeClickHouseAsync();
        disk.Cut();
        await installation.ClickHouse.KillAsync();
        await installation.Process.KillAsync();
        await disk.RestoreAsync();
        await installation.ClickHouse.RestartAsync();
        await installation.StartServiceAsync();
    }

    static Task SendAgainAsync(Installation installation, ConcurrentBag<SentRequest> sent) => Task.WhenAll(sent.Chunk(1 + (sent.Count / Senders)).Select(async requests =>
    {
        using var sender = new Sender(installation.Service);
        foreach (var request in requests)
        {
            await Wait.UntilAsync(async () => (await sender.PostAsync(request)).Status is 200 or 204);
        }
    }));

    // How many of the samples up to these numbers are stored.
    static async Task<int> CountAsync(Installation installation, string sent) => int.Parse(
        await installation.QueryAsync($"""
            SELECT uniqExact(tags, metric_value) FROM metrics.samples
            WHERE metric_name = 'numbered' AND metric_value <= [{string.Join(',', Numbers(sent))}][1 + toUInt32(tags['sender'])]
            """),
        CultureInfo.InvariantCulture);

    static int[] Numbers(string sent) => [.. sent.Split('\n').Select(line => int.Parse(line.Split('\t')[1], CultureInfo.InvariantCulture))];
}
