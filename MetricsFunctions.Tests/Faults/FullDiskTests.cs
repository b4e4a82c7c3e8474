using System.Net;
using MetricsFunctions.Tests.Standalone;

namespace MetricsFunctions.Tests.Faults;

/// <summary>A disk that is really full: of bytes, or of files.</summary>
public sealed class FullDiskTests
{
    const string Sample = """{"metric_name": "stored_at_last", "metric_value": 1}""";

    [Theory]
    [InlineData("size=150m", false)]
    [InlineData("size=150m,nr_inodes=3000", true)]
    public async Task It_is_told_to_senders_and_by_readiness_and_overcome_when_there_is_room_again(string size, bool withFiles)
    {
        using var folder = new TemporaryFolder();
        var service = new IPEndPoint(IPAddress.Loopback, Ports.Free());
        using var standalone = StandaloneProcess.StartWithSmallDisk(
            folder.Path,
            size,
            ("Urls", $"http://{service}"),
            ("Ingestion__AllowAnonymous", "true"),
            ("Ingestion__WriteTimeout", "00:00:01"),
            ("EmbeddedClickHouse__DataPath", Path.Combine(folder.Path, "data")),
            ("EmbeddedClickHouse__HttpPort", $"{Ports.Free()}"),
            ("EmbeddedClickHouse__TcpPort", $"{Ports.Free()}"));
        await standalone.StartedAsync();
        using var sender = new Sender(service);
        Assert.Equal(200, (await sender.PostAsync(Sample)).Status);

        var ballast = Directory.CreateDirectory(standalone.PathOutside(Path.Combine(folder.Path, "ballast"))).FullName;
        var refused = new Answer(Ending.Answered, 200);
        await Wait.UntilAsync(async () =>
        {
            Fill(ballast, withFiles);
            return (refused = await sender.PostAsync(Sample)).Status == 503;
        });
        Assert.Equal("Nothing of the request is stored: ClickHouse is out of disk space. Send the same request again.", refused.Detail);
        Assert.Equal((503, "Samples cannot be stored now: ClickHouse is out of disk space."), await Readiness.OfAsync(service));

        Directory.Delete(ballast, recursive: true);
        await Wait.UntilAsync(async () => (await sender.PostAsync(Sample)).Status == 200);
        Assert.Equal(200, (await Readiness.OfAsync(service)).Status);
        Assert.Equal(0, await standalone.TerminateAsync());
    }

    // Until there is room for no more; merges and the server's own log make some again.
    static void Fill(string folder, bool withFiles)
    {
        try
        {
            while (true)
            {
                File.WriteAllBytes(Path.Combine(folder, $"{Guid.NewGuid():N}"), withFiles ? [] : new byte[64 * 1024]);
            }
        }
        catch (IOException)
        {
            // It is full.
        }
    }
}
