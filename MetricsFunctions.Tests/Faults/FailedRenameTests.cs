using System.Diagnostics;
using System.Net;
using MetricsFunctions.Tests.Clients;
using MetricsFunctions.Tests.Standalone;

namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// ClickHouse notes the token of an INSERT before it gives the part its name. When that fails, as on a broken disk, the next attempt with the
/// token is answered as if the rows were there (ClickHouse#111577): no crash is needed for it.
/// </summary>
public sealed class FailedRenameTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(null)]
    [InlineData("key")]
    public async Task Is_no_repetition(string? key)
    {
        ClientProcess.SkipUnlessInstalled("cc", "apt-get install gcc libc6-dev");
        var library = Path.Combine(_folder.Path, "fail-rename.so");
        using (var compiler = Process.Start("cc", ["-shared", "-fPIC", "-o", library, Path.Combine(Repository.Root, "MetricsFunctions.Tests/Faults/fail-rename.c"), "-ldl"]))
        {
            await compiler.WaitForExitAsync();
            Assert.Equal(0, compiler.ExitCode);
        }

        var trigger = Path.Combine(_folder.Path, "trigger");
        var address = new IPEndPoint(IPAddress.Loopback, Ports.Free());
        var clickHousePort = Ports.Free();
        using var service = StandaloneProcess.Start(
            ("Urls", $"http://{address}"),
            ("Ingestion__AllowAnonymous", "true"),
            ("EmbeddedClickHouse__DataPath", Path.Combine(_folder.Path, "data")),
            ("EmbeddedClickHouse__HttpPort", $"{clickHousePort}"),
            ("EmbeddedClickHouse__TcpPort", $"{Ports.Free()}"),
            ("LD_PRELOAD", library),
            ("FAIL_RENAME", trigger));
        await service.StartedAsync();
        using var sender = new Sender(address);
        for (var value = 0; value < 5; value++)
        {
            await File.WriteAllTextAsync(trigger, "");
            Assert.Equal(200, (await sender.PostAsync($$"""{"metric_name": "renamed", "metric_value": {{value}}}""", key)).Status);
            Assert.False(File.Exists(trigger));
            Assert.Equal($"{value + 1}", await ClickHouseSql.QueryAsync(clickHousePort, "SELECT count() FROM metrics.samples WHERE metric_name = 'renamed'"));
        }

        Assert.Equal(0, await service.TerminateAsync());
    }

    public void Dispose() => _folder.Dispose();
}
