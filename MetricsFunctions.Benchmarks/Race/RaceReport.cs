using System.Globalization;
using MetricsFunctions.Benchmarks.Compare;
using MetricsFunctions.Benchmarks.Growth;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>What became of the race, in Markdown.</summary>
sealed class RaceReport
{
    public required LoadOptions Options { get; init; }

    public required Racer Service { get; init; }

    /// <summary>Whom the bars are about.</summary>
    public required Racer InfluxDb { get; init; }

    /// <summary>Who took part.</summary>
    public required IReadOnlyList<Racer> Racers { get; init; }

    /// <summary>Who could not take part.</summary>
    public required IReadOnlyList<string> Skipped { get; init; }

    public required IReadOnlyList<RaceMeasurement> Measurements { get; init; }

    /// <summary>Bytes that a sample takes on disk.</summary>
    public required IReadOnlyDictionary<Racer, double> BytesOfSample { get; init; }

    /// <summary>The promises and what became of them.</summary>
    public IEnumerable<Bar> Bars =>
    [
        .. AgainstInfluxDb,
        .. Service.Protocols.Skip(1).Select(OfProtocol),
        AtMost("µs of ClickHouse a sample, bodies of 5,000, with merges", Median(Service, Agents, one => one.DatabaseProcessor), 3),
        AtMost("bytes a sample on disk", BytesOfSample[Service], 6),
    ];

    IEnumerable<Bar> AgainstInfluxDb => !Racers.Contains(InfluxDb)
        ? []
        :
        [
            Compare($"samples/s, bodies of {Text(RaceComparison.Rows, "N0")}", Agents, one => one.SamplesPerSecond, limit: 1, aim: 2),
            Compare("requests/s, 64 connections", 64, one => one.RequestsPerSecond, limit: 0.5, aim: 1),
        ];

    /// <summary>The whole page.</summary>
    public override string ToString() => $"""
        # The race

        ```sh
        dotnet run -c Release --project MetricsFunctions.Benchmarks -- race {Options}
        ```

        wrote this page on {DateTime.UtcNow.ToString("d MMMM yyyy", CultureInfo.InvariantCulture)}.{Warning}
        The machine: {Machine.Description}, data on {new DriveInfo(Options.Data).DriveFormat}, .NET {Environment.Version}.{Missing}

        {Bar.Head}
        {string.Join('\n', Bars)}

        The service and who does the same, on the same samples of {Text(SingleSamples.Series, "N0")} series with three tags:

        | | requests/s, 1 connection | 64 | 1,024 | samples/s, bodies of {Text(RaceComparison.Rows, "N0")} | µs CPU a sample, 64 connections | bodies of {Text(RaceComparison.Rows, "N0")} | peak memory, MB | bytes a sample on disk | what its answer means |
        |---|--:|--:|--:|--:|--:|--:|--:|--:|---|
        {string.Join('\n', Racers.Select(Row))}

        The figures behind it, the medians of the rounds and in brackets their lowest and highest:

        | | protocol | connections | samples a request | requests/s | samples/s | µs CPU a sample | of them its database | peak memory, MB |
        |---|---|--:|--:|--:|--:|--:|--:|--:|
        {string.Join('\n', Measurements.GroupBy(one => (one.Racer, one.Heat)).Select(Row))}

        ## How it is measured

        All runs on this one machine, over 127.0.0.1. The service is `MetricsFunctions.Standalone` with its embedded ClickHouse and the defaults of both. InfluxDB and
        PostgreSQL are those of Debian bookworm, VictoriaMetrics and Prometheus those of Debian sid, unpacked and with their defaults; InfluxDB without its reports to its makers, its log
        of requests and its metrics of itself, Prometheus with `--web.enable-remote-write-receiver` and `--web.enable-admin-api`. PostgreSQL is behind [an ASP.NET Core app](../MetricsFunctions.Benchmarks/Race/PostgreSqlEndpoint.cs)
        that takes an INSERT for a sample and a binary COPY for several, over a pool of 20 connections, each committed before the answer.

        In every round each contender in turn is started with an empty folder, warmed up in each of its protocols with large bodies and for {RaceComparison.WarmUpSeconds} s with single samples at {RaceComparison.WarmUpConnections} connections, and loaded
        for {Options.Seconds} s in each way. Single samples come from [wrk](https://github.com/wg/wrk) with one thread; no two requests are alike, as each has another series or another time.
        A large body has {RaceComparison.CollectionsOfBody} collections of {Text(RaceComparison.Rows / RaceComparison.CollectionsOfBody, "N0")} series; {RaceComparison.Agents} connections send up to {RaceComparison.Bodies} of them. One answer other than a success, one socket
        error, or fewer samples in the contender's own store than it acknowledged, as it counts them itself, fails the run.

        CPU is that of all processes of a contender with its database, from before the load until it is at rest again: five seconds below a tenth of a core, and no merges where a database
        tells of them.
        Memory is the proportional set size of all of them, read twice a second; the table above has the highest of all loads. On disk are {Text(RaceComparison.StoredSeries, "N0")} series with a sample every {RaceComparison.StoredInterval.TotalSeconds:0} s of an hour,
        random walks of two decimals, sent in bodies of {Text(RaceComparison.StoredSeries, "N0")}, {Text(RaceComparison.StoredSeries * RaceComparison.StoredCollections, "N0")} in all:

        {string.Join('\n', Racers.Select(racer => $"- {racer.Name}: {racer.Disk}."))}

        """;

    /// <summary>So short a run proves that all contenders work, and nothing else.</summary>
    string Warning => Options.Rounds < 3 || Options.Seconds < 5 ? " **It was a trial, too short for its figures to mean anything.**" : "";

    string Missing => Skipped.Count > 0 ? $" Could not be had here, and are missing: {string.Join(", ", Skipped)}." : "";

    static int Agents => RaceComparison.Agents;

    static Bar AtMost(string what, double found, double limit) => new(what, Text(found, "0.00"), "", found, limit, limit);

    Bar Compare(string what, int connections, Func<RaceMeasurement, double> value, double limit, double aim)
    {
        var (service, other) = (Median(Service, connections, value), Median(InfluxDb, connections, value));
        return new Bar(what, Text(service, "N0"), $"{InfluxDb.Name}: {Text(other, "N0")}", service / other, limit, aim);
    }

    Bar OfProtocol(ProtocolBody protocol)
    {
        var found = Median(Measurements.Where(one => one.Racer == Service && one.Heat.Protocol == protocol), one => one.RequestsPerSecond);
        var first = Median(Service, 64, one => one.RequestsPerSecond);
        return new Bar($"requests/s, 64 connections, {protocol.Name}", Text(found, "N0"), $"{Service.Protocols[0].Name}: {Text(first, "N0")}", found / first, Limit: 0.5, Aim: 1);
    }

    string Row(Racer racer)
    {
        string[] cells =
        [
            racer.Name,
            .. RaceComparison.Connections.Reverse().Select(connections => Text(Median(racer, connections, one => one.RequestsPerSecond), "N0")),
            Text(Median(racer, Agents, one => one.SamplesPerSecond), "N0"),
            Text(Median(racer, 64, one => one.Processor), "N0"),
            Text(Median(racer, Agents, one => one.Processor), "0.00"),
            Text(Measurements.Where(one => one.Racer == racer).Max(one => one.PeakMemory) / 1e6, "N0"),
            Text(BytesOfSample[racer], "0.00"),
            racer.Answer,
        ];
        return $"| {string.Join(" | ", cells)} |";
    }

    static string Row(IGrouping<(Racer Racer, Heat Heat), RaceMeasurement> rounds)
    {
        var (racer, heat) = rounds.Key;
        string[] cells =
        [
            racer.Name,
            heat.Protocol.Name,
            Text(heat.Connections, "N0"),
            Text(heat.Samples, "N0"),
            Spread(one => one.RequestsPerSecond, "N0"),
            Spread(one => one.SamplesPerSecond, "N0"),
            Spread(one => one.Processor, "0.00"),
            rounds.Any(one => one.DatabaseProcessor > 0) ? Spread(one => one.DatabaseProcessor, "0.00") : "",
            Spread(one => one.PeakMemory / 1e6, "N0"),
        ];
        return $"| {string.Join(" | ", cells)} |";

        string Spread(Func<RaceMeasurement, double> value, string format)
        {
            var median = Text(Median(rounds, value), format);
            return rounds.Skip(1).Any() ? $"{median} ({Text(rounds.Min(value), format)}–{Text(rounds.Max(value), format)})" : median;
        }
    }

    /// <summary>The median of a contender's rounds with its first protocol.</summary>
    double Median(Racer racer, int connections, Func<RaceMeasurement, double> value) =>
        Median(Measurements.Where(one => one.Racer == racer && one.Heat.Connections == connections && one.Heat.Protocol == racer.Protocols[0]), value);

    static double Median(IEnumerable<RaceMeasurement> rounds, Func<RaceMeasurement, double> value) =>
        Statistics.Percentile([.. rounds.Select(value).Order()], 50);

    static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
