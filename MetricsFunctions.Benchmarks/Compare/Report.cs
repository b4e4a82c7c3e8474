using System.Globalization;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>What the comparison found, in Markdown.</summary>
sealed class Report
{
    const int MemoryConnections = 1024;

    public required CompareOptions Options { get; init; }

    public required string ClickHouseVersion { get; init; }

    public required Contenders Contenders { get; init; }

    public required IReadOnlyList<Measurement> Measurements { get; init; }

    /// <summary>The most active parts of <c>metrics.samples</c> that were counted under load.</summary>
    public required long MostParts { get; init; }

    /// <summary>Large bodies.</summary>
    public required IReadOnlyList<BatchMeasurement> Batches { get; init; }

    /// <summary>The same samples in every protocol.</summary>
    public required IReadOnlyList<ProtocolMeasurement> Protocols { get; init; }

    /// <summary>Bytes that reading and encoding a row allocates.</summary>
    public required double AllocatedPerRow { get; init; }

    /// <summary>The promises and what became of them.</summary>
    public IEnumerable<Bar> Bars =>
    [
        RequestsPerSecond(64, Contenders.Straight, limit: 10, aim: 20),
        RequestsPerSecond(64, Contenders.Flask, limit: 15, aim: 30),
        RequestsPerSecond(1024, Contenders.Bare, limit: 0.65, aim: 0.85),
        Compare("median latency, 1 connection", 1, Contenders.StraightSynchronous, one => one.Load.MedianLatency, "0.00 ms", limit: 1.3, aim: 1.1),
        Compare($"resident memory, {MemoryConnections} connections", MemoryConnections, Contenders.Bare, one => one.PeakMemory / 1e6, "0 MB", limit: 2, aim: 1.3),
        Compare("rows/s, 10 a request, 64 connections", 64, Contenders.ServiceTen, Contenders.StraightTen, one => one.Load.RequestsPerSecond * one.Contender.Rows, "N0", limit: 10, aim: 20),
        .. Batches.Select(TimeOfBatch),
        PeakMemoryOfBatch(Batches.MaxBy(batch => batch.BodyBytes)!),
        .. Protocols.Where(one => one.Protocol != ProtocolBody.Ndjson).Select(RateOfProtocol),
        new Bar("bytes allocated per row, reading and encoding", Text(AllocatedPerRow, "0.##"), "", AllocatedPerRow, Limit: 0, Aim: 0),
        new Bar($"most active parts, {Options.PartsSeconds} s at 64 connections", $"{MostParts}", "", MostParts, Limit: 150, Aim: 60),
    ];

    /// <summary>The whole page.</summary>
    public override string ToString() => $"""
        # Benchmarks

        ```sh
        dotnet run -c Release --project MetricsFunctions.Benchmarks -- compare {Options}
        ```

        wrote this page on {DateTime.UtcNow.ToString("d MMMM yyyy", CultureInfo.InvariantCulture)}.
        The machine: {Machine.Description}, data on {new DriveInfo(Options.Data).DriveFormat}, .NET {Environment.Version}, ClickHouse {ClickHouseVersion}.
        [race.md](race.md) has the service against InfluxDB, VictoriaMetrics, Prometheus and PostgreSQL.

        {Bar.Head}
        {string.Join('\n', Bars)}

        The figures behind it, the medians of the rounds and in brackets their lowest and highest:

        | | connections | requests/s | median latency, ms | resident memory, MB |
        |---|--:|--:|--:|--:|
        {string.Join('\n', from contender in Contenders.All from connections in contender.Connections.Order() select Row(contender, connections))}

        ## How it is measured

        Everything runs on this one machine: the contender, ClickHouse with the service's tables in a new folder, and
        [wrk](https://github.com/wg/wrk) with one thread. A request carries one sample in JSON, or ten in NDJSON, with a value of its own. In every round each
        contender in turn is started, warmed up for {Comparison.WarmUpSeconds} s and loaded for {Options.Seconds} s with each number of connections; the tables are emptied before
        each load. One answer other than a success, one socket error, or fewer rows in `metrics.samples` than successes fails the run. The
        service is `MetricsFunctions.Standalone` with its defaults, but for a larger `MaxBodyBytes`. What goes straight into ClickHouse is `FORMAT JSONEachRow` over HTTP, with
        `wait_for_async_insert=1`; the embedded engine carries an asynchronous INSERT out at once, where a server would gather several. Flask is [an app that writes one INSERT a request](../MetricsFunctions.Benchmarks/Compare/one_insert_per_request.py)
        with clickhouse-driver, under gunicorn with 2 workers of 16 threads, all from Debian's packages. ClickHouse keeps its default not to sync an
        INSERT to disk before it answers, for all alike. The bare endpoint is Kestrel with the service's configuration and runtime settings; it parses
        the JSON and drops it. One body is NDJSON, POSTed to the service and straight into ClickHouse as `FORMAT JSONEachRow` with `async_insert=0` in
        turn, {BatchComparison.WarmUps} times unmeasured and {BatchComparison.Runs} times measured, into empty tables; the service is started anew for each. The protocols
        take turns with {ProtocolComparison.BodyCount} bodies of {ProtocolComparison.Rows:N0} samples over {ProtocolComparison.Connections} connections, each sample a series of its own with a timestamp and three tags, {ProtocolComparison.WarmUps} time unmeasured and
        {ProtocolComparison.Runs} times measured. Memory is read ten times a second and parts once a second, and the highest value counts.

        """;

    static Bar TimeOfBatch(BatchMeasurement batch)
    {
        var (service, straight) = (Median(batch.Service), Median(batch.Straight));
        return new Bar(
            $"time to the answer, {batch.Batch.Name}", $"{Text(service, "0")} ms", $"straight into ClickHouse: {Text(straight, "0")} ms", service / straight, Limit: 1.5, Aim: 1);
    }

    static Bar PeakMemoryOfBatch(BatchMeasurement batch) => new(
        $"peak resident memory, {batch.Batch.Name}",
        $"{Text(batch.PeakMemory / 1e6, "0")} MB",
        $"the body: {Text(batch.BodyBytes / 1e6, "0")} MB",
        (double)batch.PeakMemory / batch.BodyBytes,
        Limit: 3,
        Aim: 1.5);

    Bar RateOfProtocol(ProtocolMeasurement measurement)
    {
        var (rate, ndjson) = (Median(measurement.Rates), Median(Protocols.Single(one => one.Protocol == ProtocolBody.Ndjson).Rates));
        return new Bar(
            $"samples/s, {ProtocolComparison.Rows:N0} a body, {measurement.Protocol.Name}", Text(rate, "N0"), $"NDJSON: {Text(ndjson, "N0")}", rate / ndjson, Limit: 0.7, Aim: 1);
    }

    Bar RequestsPerSecond(int connections, Contender against, double limit, double aim) =>
        Compare($"requests/s, {connections} connections", connections, against, one => one.Load.RequestsPerSecond, "N0", limit, aim);

    Bar Compare(string what, int connections, Contender against, Func<Measurement, double> value, string format, double limit, double aim) =>
        Compare(what, connections, Contenders.Service, against, value, format, limit, aim);

    Bar Compare(
        string what, int connections, Contender contender, Contender against, Func<Measurement, double> value, string format, double limit, double aim)
    {
        var service = Median(Values(contender, connections, value));
        var other = Median(Values(against, connections, value));
        return new Bar(what, Text(service, format), $"{against.Name}: {Text(other, format)}", service / other, limit, aim);
    }

    string Row(Contender contender, int connections)
    {
        var requestsPerSecond = Spread(one => one.Load.RequestsPerSecond, "N0");
        var latency = Spread(one => one.Load.MedianLatency, "0.00");
        var memory = connections == MemoryConnections ? Spread(one => one.PeakMemory / 1e6, "0") : "";
        return $"| {contender.Name} | {connections} | {requestsPerSecond} | {latency} | {memory} |";

        string Spread(Func<Measurement, double> value, string format)
        {
            var values = Values(contender, connections, value);
            var median = Text(Median(values), format);
            return values.Length > 1 ? $"{median} ({Text(values[0], format)}–{Text(values[^1], format)})" : median;
        }
    }

    /// <summary>A value of every round, in ascending order.</summary>
    double[] Values(Contender contender, int connections, Func<Measurement, double> value) =>
        [.. Measurements.Where(one => one.Contender == contender && one.Connections == connections).Select(value).Order()];

    static double Median(double[] ascending) => (ascending[(ascending.Length - 1) / 2] + ascending[ascending.Length / 2]) / 2;

    static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
