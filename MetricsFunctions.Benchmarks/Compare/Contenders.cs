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
    public Contender Service { get; } = Standalone(clickHouse, "the service", [1024, 64, 1], rows: 1);

    /// <summary>ClickHouse's HTTP interface, which gathers the INSERTs itself.</summary>
    public Contender Straight { get; } = IntoClickHouse(clickHouse, "async_insert=1", [64, 1]);

    /// <summary>ClickHouse's HTTP interface, each INSERT by itself.</summary>
    public Contender StraightSynchronous { get; } = IntoClickHouse(clickHouse, "async_insert=0", [1]);

    /// <summary>The service, ten samples a request.</summary>
    public Contender ServiceTen { get; } = Standalone(clickHouse, "the service, 10 rows a request", [64], rows: 10);

    /// <summary>ClickHouse's HTTP interface, which gathers the INSERTs itself, ten samples a request.</summary>
    public Contender StraightTen { get; } = IntoClickHouse(clickHouse, "async_insert=1", [64], rows: 10);

    /// <summary>The original task's shape.</summary>
    public Contender Flask { get; } = Gunicorn(clickHouse);

    /// <summary>The ceiling.</summary>
    public Contender Bare { get; } = BareKestrel();

    public IReadOnlyList<Contender> All => [Service, Straight, StraightSynchronous, Flask, Bare, ServiceTen, StraightTen];

    /// <summary>ClickHouse's HTTP interface, for one large body.</summary>
    /// <param name="columns">The columns that it fills.</param>
    public Uri BatchIntoClickHouse(string columns) => InsertUrl(clickHouse, $"async_insert=0&insert_deduplication_token={Guid.NewGuid():N}", columns);

    /// <summary>The service, with settings beyond those it needs, as environment variables.</summary>
    public static Contender Standalone(
        ClickHouseServer clickHouse, string name, int[] connections, int rows, params (string Setting, string Value)[] settings)
    {
        var root = FreeAddress();
        return new Contender(name, new Uri(root, "api/metrics"), connections)
        {
            Rows = rows,
            Sample = Lines("""{"metric_name": "cpu_load", "metric_value": %s}""", rows),
            Start = () => ChildProcess.StartDotnet(
                "MetricsFunctions.Standalone",
                ["--urls", root.AbsoluteUri],
                [
                    ("ConnectionStrings__ClickHouse", clickHouse.ConnectionString),
                    ("Ingestion__AllowAnonymous", "true"),
                    ("Ingestion__MaxBodyBytes", $"{128 * 1024 * 1024}"),
                    .. settings,
                ]),
        };
    }

    static Contender IntoClickHouse(ClickHouseServer clickHouse, string setting, int[] connections, int rows = 1)
    {
        // As a sender would that knows when it measured.
        var now = DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
        var name = $"straight into ClickHouse, `{setting}`" + (rows > 1 ? $", {rows} rows a request" : "");
        return new Contender(name, InsertUrl(clickHouse, setting, "metric_name, metric_value, timestamp"), connections)
        {
            Rows = rows,
            Sample = Lines($$"""{"metric_name": "cpu_load", "metric_value": %s, "timestamp": "{{now}}"}""", rows),
        };
    }

    static Uri InsertUrl(ClickHouseServer clickHouse, string settings, string columns)
    {
        var insert = $"INSERT INTO metrics.samples ({columns}) FORMAT JSONEachRow";
        var account = $"user={Admin.User}&password={clickHouse.AdminPassword}";
        return new Uri($"http://127.0.0.1:{clickHouse.HttpPort}/?{account}&{settings}&wait_for_async_insert=1&query={Uri.EscapeDataString(insert)}");
    }

    static string Lines(string sample, int rows) => string.Join('\n', Enumerable.Repeat(sample, rows));

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
                ("CLICKHOUSE_TCP_PORT", $"{clickHouse.TcpPort}"),
                ("CLICKHOUSE_PASSWORD", clickHouse.AdminPassword)),
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

    /// <summary>A root address on this machine that nobody listens on.</summary>
    public static Uri FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new Uri($"http://{listener.LocalEndpoint}/");
    }
}
