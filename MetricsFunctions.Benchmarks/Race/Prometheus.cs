using System.Text.Json;
using MetricsFunctions.Benchmarks.Compare;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>Prometheus as a receiver of remote write, which scrapes nothing.</summary>
sealed class Prometheus() : Racer("Prometheus", new DebianPackage("sid", "prometheus", "usr/bin/prometheus"))
{
    string _settled = "";

    public override string Answer => "in a log, not fsynced";

    public override string Disk => "the block that `/api/v1/admin/tsdb/snapshot` makes of what it would compact into one after hours; its log of the same samples comes on top";

    public override IReadOnlyList<ProtocolBody> Protocols { get; } = [ProtocolBody.RemoteWrite];

    string Data => Path.Combine(Folder, "data");

    public override Task<long> CountAsync(CancellationToken stop) => CountWithPromQlAsync("cpu_load", stop);

    public override async Task SettleAsync(CancellationToken stop)
    {
        using var json = JsonDocument.Parse(await PostAsync("/api/v1/admin/tsdb/snapshot", stop));
        _settled = Path.Combine(Data, "snapshots", json.RootElement.GetProperty("data").GetProperty("name").GetString()!);
    }

    public override Task<long> SizeAsync(CancellationToken stop) => SizeAsync(_settled, stop);

    protected override async Task StartAsync(CancellationToken stop)
    {
        var configuration = Path.Combine(Folder, "prometheus.yml");
        await File.WriteAllTextAsync(configuration, "", stop);
        await AddAsync(
            "/-/ready",
            stop,
            $"--config.file={configuration}", $"--storage.tsdb.path={Data}", $"--web.listen-address={Root.Authority}",
            "--web.enable-remote-write-receiver", "--web.enable-admin-api");
    }
}
