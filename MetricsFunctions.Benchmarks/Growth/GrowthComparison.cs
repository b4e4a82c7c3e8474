using System.Diagnostics;
using MetricsFunctions.Benchmarks.Compare;
using MetricsFunctions.Tests;

namespace MetricsFunctions.Benchmarks.Growth;

/// <summary>What was found with so many stored samples.</summary>
/// <param name="Rows">How many.</param>
/// <param name="Fill">How long it took to make them.</param>
/// <param name="Merge">How long ClickHouse merged after that.</param>
/// <param name="Samples">What they take.</param>
/// <param name="Projections">What of that their projections take.</param>
/// <param name="Panels">What panels cost.</param>
/// <param name="Full">What INSERTs into these tables cost.</param>
/// <param name="Empty">What INSERTs into empty tables cost at the same time.</param>
/// <param name="Ratio">How much longer those into these tables took.</param>
sealed record GrowthStage(
    long Rows, TimeSpan Fill, TimeSpan Merge, TableSize Samples, IReadOnlyList<ProjectionSize> Projections, IReadOnlyList<PanelCost> Panels, InsertCost Full, InsertCost Empty,
    double Ratio);

/// <summary>What INSERTs and panels cost as stored samples grow.</summary>
static class GrowthComparison
{
    /// <summary>Starts everything, measures, and stops everything.</summary>
    /// <param name="options">How many samples, and how long to measure.</param>
    /// <param name="stop">Stops in the middle.</param>
    /// <exception cref="ComparisonException">Something failed.</exception>
    public static async Task<GrowthReport> RunAsync(GrowthOptions options, CancellationToken stop)
    {
        var data = Directory.CreateDirectory(Path.Combine(options.Data, $"metrics-functions-{Environment.ProcessId}"));
        try
        {
            var grafana = Path.Combine(Repository.Root, "clickhouse", "users.d", "grafana.xml");
            await using var full = await GrowthServer.StartAsync(data.CreateSubdirectory("full"), "the service before the filled tables", grafana, stop);
            await using var empty = await GrowthServer.StartAsync(data.CreateSubdirectory("empty"), "the service before the empty tables", grafana, stop);
            foreach (var server in new[] { full, empty })
            {
                await Wrk.RunAsync(server.Service, InsertComparison.Connections, Comparison.WarmUpSeconds, stop);
            }

            var stages = new List<GrowthStage>();
            foreach (var rows in options.Stages)
            {
                stages.Add(await MeasureAsync(full, empty, rows, options, stop));
            }

            Tell($"Processor time of samples");
            return new GrowthReport
            {
                Options = options,
                Processors = await new ProcessorComparison(empty, options.Seconds, stop).MeasureAsync(),
                ClickHouseVersion = $"{await full.Client.ExecuteScalarAsync("SELECT version()", cancellationToken: stop)}",
                Stages = stages,
            };
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    static async Task<GrowthStage> MeasureAsync(GrowthServer full, GrowthServer empty, long rows, GrowthOptions options, CancellationToken stop)
    {
        foreach (var server in new[] { full, empty })
        {
            await new StoredSamples(server.Client, stop).EmptyAsync();
        }

        // A whole hour, as a year of samples ends with one.
        var end = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds() / 3600 * 3600);
        Tell($"{rows:N0} samples");
        var fill = rows == 0 ? TimeSpan.Zero : await YearOfSamples.FillAsync(full.Client, rows, end, stop);
        Tell($"  filled in {fill.TotalSeconds:N0} s");

        var merging = Stopwatch.StartNew();
        await full.CalmAsync(stop);
        await full.MaterializeAsync(stop);
        await full.CalmAsync(stop);
        var merge = merging.Elapsed;

        // Both anew, so that they differ in what is stored and not in what their processes have been through.
        foreach (var server in new[] { full, empty })
        {
            await server.RestartAsync(stop);
            await server.CalmAsync(stop);
        }

        var samples = await full.SizeAsync(stop);
        var projections = await full.ProjectionSizesAsync(stop);
        if (samples.Rows != rows)
        {
            throw new ComparisonException($"{rows:N0} samples were filled in, and {samples.Rows:N0} are stored.");
        }

        Tell($"  merged after {merge.TotalSeconds:N0} s: {samples.Parts} parts of {samples.Bytes / 1e6:N0} MB");
        var panels = rows == 0 ? [] : await new PanelComparison(full.Http, end, stop).MeasureAsync();
        var (costFull, costEmpty, ratio) = await new InsertComparison(options, stop).MeasureAsync(full, empty);
        Tell($"  p50 {costFull.Median:0.00} ms, of the empty tables {costEmpty.Median:0.00} ms, ratio {ratio:0.00}");
        return new GrowthStage(rows, fill, merge, samples, projections, panels, costFull, costEmpty, ratio);
    }

    // The report alone goes to the standard output.
    static void Tell(FormattableString progress) => Console.Error.WriteLine(FormattableString.Invariant(progress));
}
