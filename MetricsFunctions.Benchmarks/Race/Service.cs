using System.Globalization;
using ClickHouse.Driver;
using MetricsFunctions.Benchmarks.Compare;
using MetricsFunctions.EmbeddedClickHouse;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>Standalone with its embedded ClickHouse, with the defaults of both.</summary>
sealed class Service() : Racer("the service")
{
    string _clickHouse = "";
    long _parts;

    public override string Answer => "committed and queryable; survives kill -9, not a power cut";

    public override string Disk => "active parts of all tables of the database `metrics` in `system.parts`, merged as they are when a month has had no INSERT for a day";

    public override IReadOnlyList<ProtocolBody> Protocols { get; } = [ProtocolBody.LineProtocol, ProtocolBody.Otlp, ProtocolBody.RemoteWrite];

    public override Task<long> CountAsync(CancellationToken stop) => NumberAsync("SELECT count() FROM metrics.samples", stop);

    public override Task<long> SizeAsync(CancellationToken stop) =>
        NumberAsync("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'metrics'", stop);

    public override async Task SettleAsync(CancellationToken stop)
    {
        await RestAsync(stop);
        using var client = new ClickHouseClient(_clickHouse);
        await client.ExecuteNonQueryAsync("OPTIMIZE TABLE metrics.samples FINAL", cancellationToken: stop);
    }

    protected override async Task StartAsync(CancellationToken stop)
    {
        var (http, tcp) = (Contenders.FreeAddress().Port, Contenders.FreeAddress().Port);
        _clickHouse = Admin.ConnectionString(http, Admin.ReadPassword(Folder));
        var standalone = ChildProcess.StartDotnet(
            "MetricsFunctions.Standalone",
            ["--urls", Root.AbsoluteUri],
            ("Ingestion__AllowAnonymous", "true"),
            ("EmbeddedClickHouse__DataPath", Folder),
            ("EmbeddedClickHouse__HttpPort", $"{http}"),
            ("EmbeddedClickHouse__TcpPort", $"{tcp}"));
        await AddAsync(standalone, () => GetAsync("/api/health/ready", stop), stop);
    }

    protected override async Task<bool> IsMergingAsync(CancellationToken stop)
    {
        var before = _parts;
        _parts = await NumberAsync("SELECT count() FROM system.parts WHERE active AND database = 'metrics'", stop);
        return _parts != before || await NumberAsync("SELECT count() FROM system.merges WHERE database = 'metrics'", stop) > 0;
    }

    async Task<long> NumberAsync(string sql, CancellationToken stop)
    {
        using var client = new ClickHouseClient(_clickHouse);
        return Convert.ToInt64(await client.ExecuteScalarAsync(sql, cancellationToken: stop), CultureInfo.InvariantCulture);
    }
}
