using System.Diagnostics;
using System.Globalization;
using System.Text;
using MetricsFunctions.Benchmarks.Compare;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Storage;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Benchmarks.Merges;

/// <summary>
/// What small INSERTs cost ClickHouse with its merges, by the settings that say how eagerly it merges: the reason for those of
/// <c>clickhouse/schema/2_samples.sql</c>.
/// </summary>
/// <param name="options">Rounds, length of a load, and where the data go.</param>
/// <param name="clickHouse">Where the tables are.</param>
/// <param name="stop">Stops in the middle.</param>
sealed class MergeComparison(LoadOptions options, FreshClickHouse clickHouse, CancellationToken stop)
{
    const int InsertsPerSecond = 100;
    const int SamplesOfInsert = 64;
    const int Series = 5_000;
    const int Queries = 20;
    const int CalmSeconds = 3;

    const string Defaults = "ClickHouse's defaults";

    static readonly (string Name, string Setting)[] Variants =
    [
        (Defaults, "merge_selector_base = 5, auto_statistics_types = 'basic, uniq_v2'"),
        ("no statistics of columns", "merge_selector_base = 5"),
        ("none, and `merge_selector_base = 10`: chosen", "merge_selector_base = 10"),
        ("none, and `merge_selector_base = 16`", "merge_selector_base = 16"),
        ("none, and `merge_selector_base = 32`", "merge_selector_base = 32"),
    ];

    // Those of a panel over the last hour and, by projection, over all.
    static readonly string[] Panels =
    [
        "SELECT toStartOfMinute(timestamp) AS time, avg(metric_value) FROM metrics.samples WHERE metric_name = 'metric_3' GROUP BY time",
        "SELECT toStartOfInterval(at, INTERVAL 300 SECOND) AS time, metric_name, sum(sum) / sum(count) "
            + "FROM metrics.points(interval = 300, start = 0, end = 4294967295) GROUP BY time, metric_name",
    ];

    readonly ClickHouseStore _store = new(clickHouse.Client, Options.Create(new ClickHouseOptions()), TimeProvider.System);

    sealed record Cost(double Inserts, double Merged, double Rewritten, long MostParts, double Panel);

    /// <summary>Measures all variants in turn, round by round, and answers a table of medians.</summary>
    public async Task<string> RunAsync()
    {
        var costs = Variants.ToDictionary(variant => variant.Name, _ => new List<Cost>());
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var (name, setting) in Variants)
            {
                Console.WriteLine($"Round {round} of {options.Rounds}: {name}");
                costs[name].Add(await MeasureAsync(setting));
            }
        }

        var text = new StringBuilder("""
            | | s of processor time for 1,000 INSERTs | ratio | while they come | each row rewritten, times | most active parts | panel, ms of processor time |
            |---|--:|--:|--:|--:|--:|--:|

            """);
        var usual = Median(costs[Defaults], cost => cost.Merged);
        foreach (var (name, all) in costs)
        {
            var merged = Median(all, cost => cost.Merged);
            text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {merged:0.00} | {merged / usual:0.00} | {Median(all, cost => cost.Inserts):0.00} | "
                + $"{Median(all, cost => cost.Rewritten):0.0} | {all.Max(cost => cost.MostParts)} | {Median(all, cost => cost.Panel):0.0} |");
        }

        return $"{text}\nMedians of {options.Rounds} rounds in turn, {InsertsPerSecond} INSERTs of {SamplesOfInsert} samples a second for {options.Seconds} s, of {Series:N0} series.\n";
    }

    async Task<Cost> MeasureAsync(string setting)
    {
        await ExecuteAsync("DROP DATABASE metrics SYNC");
        await Schema.ApplyAsync(clickHouse.Client, stop);
        await ExecuteAsync($"ALTER TABLE metrics.samples MODIFY SETTING {setting}");
        await ExecuteAsync("TRUNCATE TABLE IF EXISTS system.part_log");
        await CalmAsync();

        var before = ProcessorTime;
        var mostParts = 0L;
        var watch = Stopwatch.StartNew();
        var inserts = options.Seconds * InsertsPerSecond;
        for (var insert = 0; insert < inserts; insert++)
        {
            var wait = TimeSpan.FromSeconds((double)insert / InsertsPerSecond) - watch.Elapsed;
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, stop);
            }

            await InsertAsync(insert);
            if (insert % InsertsPerSecond == 0)
            {
                mostParts = Math.Max(mostParts, await NumberAsync("SELECT count() FROM system.parts WHERE active AND database = 'metrics'"));
            }
        }

        var inserted = ProcessorTime - before;
        await CalmAsync();

        // What the server takes at rest is not the INSERTs' doing.
        var merged = ProcessorTime - before - CalmSeconds * _idle;
        await ExecuteAsync("SYSTEM FLUSH LOGS part_log");
        var rewritten = await NumberAsync("SELECT sum(rows) FROM system.part_log WHERE database = 'metrics' AND event_type = 'MergeParts'");
        return new Cost(
            inserted.TotalSeconds * 1000 / inserts, merged.TotalSeconds * 1000 / inserts, (double)rewritten / (inserts * SamplesOfInsert), mostParts, await PanelAsync());
    }

    TimeSpan _idle;

    async Task CalmAsync()
    {
        for (var calm = 0; calm < CalmSeconds;)
        {
            var (before, parts) = (ProcessorTime, await PartsAsync());
            await Task.Delay(TimeSpan.FromSeconds(1), stop);
            _idle = ProcessorTime - before;
            calm = parts == await PartsAsync() ? calm + 1 : 0;
        }

        Task<long> PartsAsync() => NumberAsync("SELECT count() + (SELECT count() * 1000000 FROM system.merges WHERE database = 'metrics') FROM system.parts WHERE active AND database = 'metrics'");
    }

    async Task InsertAsync(int insert)
    {
        var block = new SampleBlock();
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        block.Begin(now);
        for (var i = 0; i < SamplesOfInsert; i++)
        {
            var series = ((insert * SamplesOfInsert) + i) % Series;
            block.Tags.Clear();
            Add("cluster", "eu");
            Add("host", $"h{series / 20}");
            Add("service", $"s{series % 7}");
            block.Add(Encoding.UTF8.GetBytes($"metric_{series % 20}"), series + (insert % 100 / 100.0), now + i);
        }

        var group = new InsertGroup(block.FirstMonth, begun: 0, token: null);
        group.Append(block);
        var statement = new Insert([group], isMarked: true);
        await _store.InsertAsync(statement.Rows, statement.Token, stop);
        statement.End(null);

        void Add(string key, string value) => block.Tags.Add(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value));
    }

    async Task<double> PanelAsync()
    {
        var before = ProcessorTime;
        for (var i = 0; i < Queries; i++)
        {
            foreach (var panel in Panels)
            {
                await ExecuteAsync($"{panel} FORMAT Null");
            }
        }

        return (ProcessorTime - before).TotalMilliseconds / (Queries * Panels.Length);
    }

    TimeSpan ProcessorTime
    {
        get
        {
            using var process = Process.GetProcessById(clickHouse.Server.ProcessId);
            return process.TotalProcessorTime;
        }
    }

    async Task ExecuteAsync(string sql) => await clickHouse.Client.ExecuteNonQueryAsync(sql, cancellationToken: stop);

    async Task<long> NumberAsync(string sql) => Convert.ToInt64(await clickHouse.Client.ExecuteScalarAsync(sql, cancellationToken: stop), CultureInfo.InvariantCulture);

    static double Median(List<Cost> costs, Func<Cost, double> of) => Growth.Statistics.Percentile([.. costs.Select(of).Order()], 50);
}
