using System.Diagnostics;
using System.Text.Json;
using MetricsFunctions.Benchmarks.Compare;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>InfluxDB 1, with its defaults, but without its reports to its makers, its log of requests and its metrics of itself.</summary>
sealed class InfluxDb() : Racer("InfluxDB", new DebianPackage("bookworm", "influxdb", "usr/bin/influxd"))
{
    public override string Answer => "in a log, fsynced";

    public override string Disk =>
        "its data without the log, once it has compacted all after a restart with `cache-snapshot-write-cold-duration` and `compact-full-write-cold-duration` of a second";

    public override IReadOnlyList<ProtocolBody> Protocols { get; } = [ProtocolBody.LineProtocol with { Path = "/write?db=race&precision=ms" }];

    string Data => Path.Combine(Folder, "data");

    public override async Task<long> CountAsync(CancellationToken stop)
    {
        using var json = JsonDocument.Parse(await GetAsync($"/query?db=race&q={Uri.EscapeDataString("SELECT count(value) FROM cpu_load")}", stop));
        return json.RootElement.GetProperty("results")[0].TryGetProperty("series", out var series) ? series[0].GetProperty("values")[0][1].GetInt64() : 0;
    }

    public override Task<long> SizeAsync(CancellationToken stop) => SizeAsync(Data, stop);

    public override async Task SettleAsync(CancellationToken stop)
    {
        await StopAsync();
        await LaunchAsync(stop, ("INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION", "1s"), ("INFLUXDB_DATA_COMPACT_FULL_WRITE_COLD_DURATION", "1s"));
        await RestAsync(stop);
    }

    protected override async Task StartAsync(CancellationToken stop)
    {
        await LaunchAsync(stop);
        await PostAsync($"/query?q={Uri.EscapeDataString("CREATE DATABASE race")}", stop);
    }

    Task LaunchAsync(CancellationToken stop, params (string Setting, string Value)[] settings) => AddAsync(
        ChildProcess.Start(new ProcessStartInfo(Program, ["run", "-config", "/dev/null"]),
        [
            ("INFLUXDB_REPORTING_DISABLED", "true"),
            ("INFLUXDB_BIND_ADDRESS", Contenders.FreeAddress().Authority),
            ("INFLUXDB_HTTP_BIND_ADDRESS", Root.Authority),
            ("INFLUXDB_HTTP_LOG_ENABLED", "false"),
            ("INFLUXDB_MONITOR_STORE_ENABLED", "false"),
            ("INFLUXDB_META_DIR", Path.Combine(Folder, "meta")),
            ("INFLUXDB_DATA_DIR", Data),
            ("INFLUXDB_DATA_WAL_DIR", Path.Combine(Folder, "wal")),
            .. settings,
        ]),
        () => GetAsync("/ping", stop),
        stop);
}
