using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using MetricsFunctions.EmbeddedClickHouse;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>Who is compared, all with the same ClickHouse.</summary>
sealed class Contenders(ClickHouseServer clickHouse)
{
    /// <summary>The service.</summary>
    public Contender Service { get; } = Standalone(clickHouse);

    /// <summary>ClickHouse's HTTP interface, which gathers the INSERTs itself.</summary>
    public Contender Straight { get; } = IntoClickHouse(clickHouse, "async_insert=1", [64, 1]);

    /// <summary>ClickHouse's HTTP interface, each INSERT by itself.</summary>
    public Contender StraightSynchronous { get; } = IntoClickHouse(clickHouse, "async_insert=0", [1]);

    /// <summary>The original task's shape.</summary>
    public Contender Flask { get; } = Gunicorn(clickHouse);

    /// <summary>The ceiling.</summary>
    public Contender Bare { get; } = BareKestrel();

    public IReadOnlyList<Contender> All => [Service, Straight, StraightSynchronous, Flask, Bare];

    static Contender Standalone(ClickHouseServer clickHouse)
    {
        var root = FreeAddress();
        return new Contender("the service", new Uri(root, "api/metrics"), [1024, 64, 1])
        {
            Start = () => ChildProcess.StartDotnet(
                "MetricsFunctions.Standalone",
                ["--urls", root.AbsoluteUri],
                ("ConnectionStrings__ClickHouse", clickHouse.ConnectionString),
                ("Ingestion__AllowAnonymous", "true")),
        };
    }

    static Contender IntoClickHouse(ClickHouseServer clickHouse, string setting, int[] connections)
    {
        // The table has no default time: without one, every row would be of 1970, and beyond its TTL.
        const string Insert = "INSERT INTO metrics.samples (metric_name, metric_value, timestamp) FORMAT JSONEachRow";
        var now = DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
        var url = new Uri($"http://127.0.0.1:{clickHouse.HttpPort}/?{setting}&wait_for_async_insert=1&query={Uri.EscapeDataString(Insert)}");
        return new Contender($"straight into ClickHouse, `{setting}`", url, connections)
        {
            Sample = $$"""{"metric_name": "cpu_load", "metric_value": %s, "timestamp": "{{now}}"}""",
        };
    }

    static Contender Gunicorn(ClickHouseServer clickHouse)
    {
        var root = FreeAddress();
        return new Contender("Flask", new Uri(root, "api/metrics"), [64, 1])
        {
            Start = () => ChildProcess.Start(
                new ProcessStartInfo(DebianPackages.Python,
                [
                    "-m", "gunicorn", "--workers", "2", "--threads", "16", "--bind", root.Authority,
                    "--chdir", "Compare", "one_insert_per_request:app",
                ]),
                ("CLICKHOUSE_TCP_PORT", $"{clickHouse.TcpPort}")),
        };
    }

    static Contender BareKestrel()
    {
        var root = FreeAddress();
        return new Contender("bare Kestrel endpoint", new Uri(root, "api/metrics"), [1024, 64, 1])
        {
            Stores = false,
            Start = () => ChildProcess.StartDotnet("MetricsFunctions.Benchmarks", [BareEndpoint.Command, "--urls", root.AbsoluteUri]),
        };
    }

    static Uri FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new Uri($"http://{listener.LocalEndpoint}/");
    }
}
