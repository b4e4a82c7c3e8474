using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using MetricsFunctions.Benchmarks.Compare;
using MetricsFunctions.Tests.Grafana;

namespace MetricsFunctions.Benchmarks.Growth;

/// <summary>A time range of the dashboard.</summary>
sealed record Span(string Name, TimeSpan Length)
{
    public static IReadOnlyList<Span> All { get; } =
    [
        new("last hour", TimeSpan.FromHours(1)), new("day", TimeSpan.FromDays(1)), new("30 days", TimeSpan.FromDays(30)), new("year", TimeSpan.FromDays(YearOfSamples.Days)),
    ];
}

/// <summary>What a query of a panel cost.</summary>
/// <param name="Panel">The panel, or the variable behind a $.</param>
/// <param name="Span">The time range.</param>
/// <param name="Milliseconds">Median to the last byte of the answer.</param>
/// <param name="Rows">Rows that ClickHouse read.</param>
/// <param name="Bytes">Bytes that they are in memory.</param>
sealed record PanelCost(string Panel, Span Span, double Milliseconds, long Rows, long Bytes);

/// <summary>The queries of the dashboard Metrics with All chosen, as Grafana's user.</summary>
/// <param name="clickHouse">ClickHouse's HTTP interface.</param>
/// <param name="end">The end of the samples.</param>
/// <param name="stop">Stops in the middle.</param>
sealed class PanelComparison(Uri clickHouse, DateTimeOffset end, CancellationToken stop)
{
    public const int Runs = 5;

    const string Dashboard = "metrics/";

    static readonly Choice All = new("all", null, "host", null);

    static readonly GrafanaQuery[] Queries =
        [.. GrafanaFiles.PanelQueries.Concat(GrafanaFiles.OtherQueries).Where(query =>
            query.Source.StartsWith(Dashboard, StringComparison.Ordinal) && query.Sql.Contains("FROM metrics.", StringComparison.Ordinal))];

    /// <summary>Runs each over each span.</summary>
    public async Task<IReadOnlyList<PanelCost>> MeasureAsync()
    {
        using var http = new HttpClient();
        var costs = new List<PanelCost>();
        foreach (var query in Queries)
        {
            foreach (var span in Span.All)
            {
                costs.Add(await MeasureAsync(http, query, span));
            }
        }

        return costs;
    }

    async Task<PanelCost> MeasureAsync(HttpClient http, GrafanaQuery query, Span span)
    {
        var times = new List<double>();
        var (rows, bytes) = (0L, 0L);
        for (var run = 0; run <= Runs; run++)
        {
            // A second earlier each time, as a dashboard that refreshes is later each time: ClickHouse remembers which granules a condition
            // that it has seen before found nothing in.
            var sql = GrafanaSql.Expand(query, All, YearOfSamples.MetricNames, YearOfSamples.Hosts, span.Length, end.AddSeconds(-run));
            var watch = Stopwatch.StartNew();
            var summary = await RunAsync(http, query, sql);
            if (run > 0)
            {
                times.Add(watch.Elapsed.TotalMilliseconds);
            }

            rows = Math.Max(rows, Number(summary, "read_rows"));
            bytes = Math.Max(bytes, Number(summary, "read_bytes"));
        }

        return new PanelCost(NameOf(query), span, Statistics.Percentile([.. times.Order()], 50), rows, bytes);
    }

    async Task<JsonNode> RunAsync(HttpClient http, GrafanaQuery query, string sql)
    {
        // With the time limit that the plugin sets. Only at its end does the head of the answer know what the query read.
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(clickHouse, "?max_execution_time=30&default_format=Native&wait_end_of_query=1"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"grafana:{GrowthServer.GrafanaPassword}")));
        request.Content = new StringContent(sql);
        using var response = await http.SendAsync(request, stop);
        return response.IsSuccessStatusCode
            ? JsonNode.Parse(response.Headers.GetValues("X-ClickHouse-Summary").Single())!
            : throw new ComparisonException($"The query of {query.Source} failed: {await response.Content.ReadAsStringAsync(stop)}");
    }

    static long Number(JsonNode summary, string name) => long.Parse(summary[name]!.GetValue<string>(), CultureInfo.InvariantCulture);

    static string NameOf(GrafanaQuery query) => query.Source[Dashboard.Length..].Split('/') switch
    {
        ["$metric", _] => "each chosen metric",
        ["$metric"] => "the picker of metrics",
        ["$tag_key"] => "the picker of tags",
        ["$tag_value"] => "the picker of values",
        [var title, ..] => title,
        [] => query.Source,
    };
}
