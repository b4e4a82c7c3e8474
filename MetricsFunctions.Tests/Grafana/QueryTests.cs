using System.Globalization;
using System.Text.Json.Nodes;

namespace MetricsFunctions.Tests.Grafana;

/// <summary>Every query of every dashboard and alert rule, as the user <c>grafana</c>, against generated samples of a year.</summary>
[Collection(nameof(YearOfSamples))]
public sealed class QueryTests(YearOfSamples clickHouse)
{
    static readonly TimeSpan[] Spans = [TimeSpan.FromMinutes(5), TimeSpan.FromDays(1), TimeSpan.FromDays(360)];

    static readonly Choice[] Choices =
    [
        new("one metric", ["it's"], "*", null),
        new("several metrics with a tag", ["a metric", "it's"], "host", ["a1", "b's"]),
        new("all", null, "*", null),
        new("all by tag", null, "host", null),
        new("none", [], "*", null),
    ];

    public static TheoryData<string> Queries { get; } =
        [.. GrafanaFiles.PanelQueries.Concat(GrafanaFiles.OtherQueries).Concat(GrafanaFiles.RuleQueries).Select(query => query.Source)];

    [Theory]
    [MemberData(nameof(Queries))]
    public async Task Runs_over_every_span_and_choice_and_gives_what_its_panel_needs(string source)
    {
        var query = QueryOf(source);
        var shown = 0;
        foreach (var span in Spans)
        {
            foreach (var choice in Choices)
            {
                var (columns, rows) = await RunAsync(query, choice, span);
                Assert.InRange(rows.Count, 0, 30_000);
                shown += rows.Count;
                if (query.IsTimeSeries)
                {
                    AssertSeries(columns, rows);
                }
            }
        }

        Assert.NotEqual(0, shown);
    }

    [Theory]
    [MemberData(nameof(Queries))]
    public async Task Runs_also_where_there_are_no_samples(string source)
    {
        foreach (var choice in new[] { Choices[2], Choices[4] })
        {
            await RunAsync(QueryOf(source), choice, Spans[0], clickHouse.End.AddYears(-3));
        }
    }

    [Fact]
    public async Task Minimum_maximum_average_and_count_equal_those_of_the_raw_rows()
    {
        foreach (var span in Spans)
        {
            foreach (var choice in Choices[..4])
            {
                var filter = string.Join(" AND ", Filters(choice));
                var raw = await clickHouse.AsAdministratorAsync($"""
                    SELECT min(metric_value), max(metric_value), round(avg(metric_value), 6), count() FROM metrics.samples
                    WHERE timestamp >= toDateTime({(clickHouse.End - span).ToUnixTimeSeconds()}) AND timestamp <= toDateTime({clickHouse.End.ToUnixTimeSeconds()}) AND {filter}
                    """);
                var shown = new List<string>();
                foreach (var title in new[] { "Minimum", "Maximum", "Average", "Samples" })
                {
                    var (_, rows) = await RunAsync(QueryOf($"metrics/{title}/A"), choice, span);
                    shown.Add(Math.Round(rows.Single()[0]!.GetValue<double>(), 6).ToString(CultureInfo.InvariantCulture));
                }

                Assert.Equal(raw, string.Join('\t', shown));
            }
        }
    }

    [Fact]
    public async Task A_panel_repeated_for_a_metric_shows_that_metric_alone_also_when_All_is_chosen()
    {
        var query = GrafanaFiles.PanelQueries.Single(query => query.Repeated == "metric");
        var (_, all) = await RunAsync(query, Choices[2], Spans[0]);
        var (_, one) = await RunAsync(query, Choices[2] with { Metrics = [clickHouse.Metrics[0]] }, Spans[0]);
        Assert.Equal(one.Select(row => row.ToJsonString()), all.Select(row => row.ToJsonString()));
    }

    [Fact]
    public async Task The_first_four_panels_show_the_first_four_metrics()
    {
        var names = new List<string>();
        foreach (var query in GrafanaFiles.PanelQueries.Where(query => query.Source.Contains("metric/A", StringComparison.Ordinal) && query.Repeated is null))
        {
            var (_, rows) = await RunAsync(query, Choices[2], Spans[1]);
            names.Add(rows.Select(row => row[1]!.GetValue<string>()).Distinct().Single());
        }

        Assert.Equal(clickHouse.Metrics[..4], names);
    }

    [Fact]
    public async Task A_year_reads_a_small_part_of_what_the_raw_rows_would_be()
    {
        // Hours hold three samples a series here; the figures for fifty million samples are in docs/operations.md.
        var raw = double.Parse(await clickHouse.AsAdministratorAsync("SELECT count() FROM metrics.samples"), CultureInfo.InvariantCulture);
        var hours = double.Parse(await clickHouse.AsAdministratorAsync("SELECT sum(rows) FROM system.projection_parts WHERE active AND database = 'metrics' AND name = 'by_1h'"), CultureInfo.InvariantCulture);
        var query = QueryOf("metrics/Average/A");
        var sql = GrafanaSql.Expand(query, Choices[2], clickHouse.Metrics, clickHouse.Hosts, Spans[2], clickHouse.End);
        using var response = await clickHouse.AsGrafanaAsync(sql);
        var read = JsonNode.Parse(response.Headers.GetValues("X-ClickHouse-Summary").Single())!["read_rows"]!.GetValue<string>();
        // The index tells granules of 8,192 rows: some neighbours are read, too.
        Assert.InRange(double.Parse(read, CultureInfo.InvariantCulture), 1, hours * 1.1);
        Assert.True(hours < raw / 2);
    }

    // Ten values in each bucket of OwnFigures, whatever span is shown.
    [Theory]
    [InlineData("Duration of requests", "median", 0.1)]
    [InlineData("Duration of requests", "p99", 10)]
    [InlineData("Duration of INSERTs", "median", 0.1)]
    [InlineData("Samples in an INSERT", "median", 1000)]
    [InlineData("Samples in an INSERT", "p99", 1_000_000)]
    [InlineData("Samples in an INSERT", "mean", 40 / 140d)]
    [InlineData("99 of 100 INSERTs took", "value", 10)]
    [InlineData("Fullest queue", "value", 20 / 32d)]
    [InlineData("Refused requests", "value", 0.25)]
    public async Task The_service_shows_the_percentiles_and_shares_of_its_figures(string title, string column, double expected)
    {
        foreach (var span in Spans)
        {
            var (columns, rows) = await RunAsync(QueryOf($"ingestion/{title}/A"), Choices[2], span);
            var place = Array.FindIndex(columns, described => described.Name == column);
            Assert.NotEmpty(rows);
            Assert.All(rows, row => Assert.Equal(expected, row[place]!.GetValue<double>(), 1e-9));
        }
    }

    // 100 samples of one protocol and 50 of another each ten seconds.
    [Fact]
    public async Task The_service_shows_rates_by_the_second()
    {
        var (_, rows) = await RunAsync(QueryOf("ingestion/Samples per second/A"), Choices[2], Spans[0]);
        Assert.Equal(15, rows.Single()[0]!.GetValue<double>(), 0.51);
        (_, rows) = await RunAsync(QueryOf("ingestion/Samples stored by protocol/A"), Choices[2], Spans[0]);
        Assert.Contains(rows, row => row[1]!.GetValue<string>() == "influx2" && row[2]!.GetValue<double>() == 5);
    }

    static IEnumerable<string> Filters(Choice choice)
    {
        yield return choice.Metrics is { } metrics ? $"metric_name IN ({GrafanaSql.Quote(metrics)})" : "1";
        yield return choice.TagValues is { } values ? $"tags['{choice.TagKey}'] IN ({GrafanaSql.Quote(values)})" : "1";
    }

    // The plugin takes the first time for the axis, strings for labels and numbers for values, and wants them in the order of time.
    static void AssertSeries((string Name, string Type)[] columns, List<JsonArray> rows)
    {
        Assert.StartsWith("DateTime", columns[0].Type, StringComparison.Ordinal);
        var labels = columns[1..].TakeWhile(column => column.Type.Contains("String", StringComparison.Ordinal)).Count();
        Assert.InRange(labels, 0, 1);
        Assert.NotEmpty(columns[(1 + labels)..]);
        Assert.All(columns[(1 + labels)..], column => Assert.Matches("^(Float64|UInt64|Int64|UInt32)$", column.Type));
        var times = rows.Select(row => row[0]!.GetValue<string>()).ToArray();
        Assert.Equal(times.Order(StringComparer.Ordinal), times);
    }

    async Task<((string Name, string Type)[] Columns, List<JsonArray> Rows)> RunAsync(
        GrafanaQuery query, Choice choice, TimeSpan span, DateTimeOffset? end = null)
    {
        // System tables tell of now, samples of the end of the data.
        var to = end ?? (query.Sql.Contains("FROM system.", StringComparison.Ordinal) ? DateTimeOffset.UtcNow.AddMinutes(1) : clickHouse.End);
        var rows = new List<JsonArray>();
        var columns = await clickHouse.ColumnsAsync(GrafanaSql.Expand(query, choice, clickHouse.Metrics, clickHouse.Hosts, span, to), rows);
        return (columns, rows);
    }

    static GrafanaQuery QueryOf(string source) =>
        GrafanaFiles.PanelQueries.Concat(GrafanaFiles.OtherQueries).Concat(GrafanaFiles.RuleQueries).Single(query => query.Source == source);
}
