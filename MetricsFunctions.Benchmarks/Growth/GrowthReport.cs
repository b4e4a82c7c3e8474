using System.Globalization;
using MetricsFunctions.Benchmarks.Compare;

namespace MetricsFunctions.Benchmarks.Growth;

/// <summary>What was found as stored samples grew, in Markdown.</summary>
sealed class GrowthReport
{
    // What the bar speaks of; a smaller last stage stands for it.
    const long BarRows = 100_000_000;

    public required GrowthOptions Options { get; init; }

    public required string ClickHouseVersion { get; init; }

    public required IReadOnlyList<GrowthStage> Stages { get; init; }

    /// <summary>What a sample takes of a core.</summary>
    public required IReadOnlyList<ProcessorCost> Processors { get; init; }

    /// <summary>The promises and what became of them.</summary>
    public IEnumerable<Bar> Bars => from stage in Stages where stage.Rows >= Math.Min(BarRows, Options.Rows) select MedianOf(stage);

    /// <summary>All tables.</summary>
    public override string ToString() => $"""
        ```sh
        dotnet run -c Release --project MetricsFunctions.Benchmarks -- growth {Options}
        ```

        printed this on {DateTime.UtcNow.ToString("d MMMM yyyy", CultureInfo.InvariantCulture)}.
        The machine: {Machine.Description}, data on {new DriveInfo(Options.Data).DriveFormat}, .NET {Environment.Version}, ClickHouse {ClickHouseVersion}.

        {Bar.Head}
        {string.Join('\n', Bars)}

        INSERTs, and in brackets those into empty tables at the same time; they take turns of {InsertComparison.Turn} requests, and the ratio is the median of the turns' ratios:

        | stored samples | p50, ms, 1 connection | p99, ms | ratio | rows/s, {InsertComparison.Connections} connections |
        |--:|--:|--:|--:|--:|
        {string.Join('\n', Stages.Select(InsertRow))}

        Disk, for {YearOfSamples.Series} series:

        | stored samples | filled in, s | merged after, s | parts | all, MB | bytes a sample | of these the samples | {string.Join(" | ", Stages[^1].Projections.Select(ProjectionHead))} |
        |--:|--:|--:|--:|--:|--:|--:|{string.Concat(Stages[^1].Projections.Select(_ => "--:|--:|"))}
        {string.Join('\n', Stages.Where(stage => stage.Rows > 0).Select(DiskRow))}

        Processor time of a sample, merges included:

        | samples come as | samples | the service, µs | ClickHouse, µs |
        |---|--:|--:|--:|
        {string.Join('\n', Processors.Select(ProcessorRow))}

        The dashboard **Metrics**, its {Stages[^1].Panels.Count / Span.All.Count} queries one after the other, with All chosen in every picker, as the user `grafana`:

        | stored samples | | all queries, ms | the slowest, ms | which | rows read | MB read | rows read by the average query, of those stored |
        |--:|---|--:|--:|---|--:|--:|--:|
        {string.Join('\n', from stage in Stages where stage.Rows > 0 from span in Span.All select DashboardRow(stage, span))}

        One by one, with {Text(Stages[^1].Rows, "N0")} samples:

        | query | {string.Join(" | ", Span.All.Select(span => span.Name))} |
        |---|{string.Concat(Span.All.Select(_ => "--:|"))}
        {string.Join('\n', Stages[^1].Panels.Select(panel => panel.Panel).Distinct().Select(PanelRow))}
        """;

    static Bar MedianOf(GrowthStage stage) => new(
        $"insert p50, {Text(stage.Rows, "N0")} stored samples",
        $"{Text(stage.Full.Median, "0.00")} ms",
        $"empty tables: {Text(stage.Empty.Median, "0.00")} ms",
        stage.Ratio,
        Limit: 1.2,
        Aim: 1);

    static string InsertRow(GrowthStage stage)
    {
        return $"| {Text(stage.Rows, "N0")} | {Both(cost => cost.Median, "0.00")} | {Both(cost => cost.Rare, "0.00")} "
            + $"| {Text(stage.Ratio, "0.00")} | {Both(cost => cost.RowsPerSecond, "N0")} |";

        string Both(Func<InsertCost, double> value, string format) => $"{Text(value(stage.Full), format)} ({Text(value(stage.Empty), format)})";
    }

    static string DiskRow(GrowthStage stage) =>
        $"| {Text(stage.Rows, "N0")} | {Text(stage.Fill.TotalSeconds, "N0")} | {Text(stage.Merge.TotalSeconds, "N0")} "
        + $"| {stage.Samples.Parts} | {Text(stage.Samples.Bytes / 1e6, "N0")} | {BytesOf(stage, stage.Samples.Bytes)} | {BytesOf(stage, stage.Samples.CompressedBytes)} "
        + $"| {string.Join(" | ", stage.Projections.Select(projection => ProjectionCells(stage, projection)))} |";

    static string ProjectionHead(ProjectionSize projection) => $"rows of `{projection.Name}` | bytes a sample";

    static string ProjectionCells(GrowthStage stage, ProjectionSize projection) => $"{Text(projection.Rows, "N0")} | {BytesOf(stage, projection.Bytes)}";

    static string BytesOf(GrowthStage stage, long bytes) => Text((double)bytes / stage.Rows, "0.00");

    static string ProcessorRow(ProcessorCost cost) =>
        $"| {cost.What} | {Text(cost.Samples, "N0")} | {Text(cost.Service.TotalMicroseconds / cost.Samples, "0.0")} | {Text(cost.ClickHouse.TotalMicroseconds / cost.Samples, "0.0")} |";

    static string DashboardRow(GrowthStage stage, Span span)
    {
        var costs = stage.Panels.Where(cost => cost.Span == span).ToArray();
        var slowest = costs.MaxBy(cost => cost.Milliseconds)!;
        var share = costs.Average(cost => cost.Rows) / stage.Rows;
        return $"| {Text(stage.Rows, "N0")} | {span.Name} | {Text(costs.Sum(cost => cost.Milliseconds), "N0")} | {Text(slowest.Milliseconds, "0")} | {slowest.Panel} "
            + $"| {Text(costs.Sum(cost => cost.Rows), "N0")} | {Text(costs.Sum(cost => cost.Bytes) / 1e6, "N0")} | {Text(100 * share, "0.##")} % |";
    }

    string PanelRow(string panel)
    {
        var cells = from span in Span.All
                    let cost = Stages[^1].Panels.Single(cost => cost.Panel == panel && cost.Span == span)
                    select $"{Text(cost.Milliseconds, "0")} ms, {Text(cost.Rows, "N0")} rows, {Text(cost.Bytes / 1e6, "0.0")} MB";
        return $"| {panel} | {string.Join(" | ", cells)} |";
    }

    static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
