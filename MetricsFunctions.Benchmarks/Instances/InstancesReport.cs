using System.Globalization;
using MetricsFunctions.Benchmarks.Compare;
using CompareOptions = MetricsFunctions.Benchmarks.Compare.CompareOptions;

namespace MetricsFunctions.Benchmarks.Instances;

/// <summary>What became of the instances, in Markdown.</summary>
sealed class InstancesReport
{
    public required CompareOptions Options { get; init; }

    public required string ClickHouseVersion { get; init; }

    public required IReadOnlyList<InstancesMeasurement> Measurements { get; init; }

    /// <summary>The most active parts of <c>metrics.samples</c> that were counted under load.</summary>
    public required long MostParts { get; init; }

    /// <summary>The promises and what became of them, with the settings that a service has by default.</summary>
    public IEnumerable<Bar> Bars
    {
        get
        {
            var (several, one) = (RequestsPerSecond(InstancesComparison.Several), RequestsPerSecond(1));
            return
            [
                new Bar(
                    $"requests/s, {InstancesComparison.Several} instances at {InstancesComparison.Connections} connections each",
                    Text(several, "N0"), $"1 instance: {Text(one, "N0")}", several / one, Limit: 0.9, Aim: 1.2),
                new Bar($"most active parts, {Options.PartsSeconds} s of that", $"{MostParts}", "", MostParts, Limit: 300, Aim: 100),
            ];
        }
    }

    public override string ToString() => $"""
        ```sh
        dotnet run -c Release --project MetricsFunctions.Benchmarks -- instances {Options}
        ```

        printed these tables on {DateTime.UtcNow.ToString("d MMMM yyyy", CultureInfo.InvariantCulture)}.
        The machine: {Machine.Description}, data on {new DriveInfo(Options.Data).DriveFormat}, .NET {Environment.Version}, ClickHouse {ClickHouseVersion}.

        {Bar.Head}
        {string.Join('\n', Bars)}

        | instances | `AsyncInsert` | requests/s | p50, ms | p99, ms | parts/s | rows a part | cores: ClickHouse | the instances | busy in all |
        |--:|---|--:|--:|--:|--:|--:|--:|--:|--:|
        {string.Join('\n', Measurements.GroupBy(one => (one.AsyncInsert, one.Instances)).OrderBy(group => group.Key).Select(Row))}

        """;

    double RequestsPerSecond(int instances) =>
        Median(Measurements.Where(one => one.Instances == instances && !one.AsyncInsert), one => one.RequestsPerSecond);

    static string Row(IGrouping<(bool AsyncInsert, int Instances), InstancesMeasurement> rounds)
    {
        string[] cells =
        [
            $"{rounds.Key.Instances}",
            rounds.Key.AsyncInsert ? "on" : "off",
            Of(one => one.RequestsPerSecond, "N0"),
            Of(one => one.MedianLatency, "0.0"),
            Of(one => one.P99Latency, "0.0"),
            Of(one => one.PartsPerSecond, "N0"),
            Of(one => one.RowsPerPart, "N0"),
            Of(one => one.ClickHouseCores, "0.00"),
            Of(one => one.InstanceCores, "0.00"),
            Of(one => one.MachineCores, "0.00"),
        ];
        return $"| {string.Join(" | ", cells)} |";

        string Of(Func<InstancesMeasurement, double> value, string format) => Text(Median(rounds, value), format);
    }

    static double Median(IEnumerable<InstancesMeasurement> rounds, Func<InstancesMeasurement, double> value)
    {
        double[] ascending = [.. rounds.Select(value).Order()];
        return (ascending[(ascending.Length - 1) / 2] + ascending[ascending.Length / 2]) / 2;
    }

    static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
