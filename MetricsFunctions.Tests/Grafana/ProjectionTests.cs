using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;

namespace MetricsFunctions.Tests.Grafana;

/// <summary>
/// Every query of <c>metrics.points</c> reads a projection in place of samples where a point is five minutes or more, once parts are
/// merged. A query that fits no projection would be as right, and slower by as many samples as a point has.
/// </summary>
[Collection(nameof(YearOfSamples))]
public sealed partial class ProjectionTests(YearOfSamples clickHouse)
{
    const string Samples = "metrics.samples";

    static readonly int[] Widths = [60, 299, 300, 1800, 3600, 10800, 21600, 86400];

    static readonly Choice[] Choices =
    [
        new("all", null, "*", null),
        new("all by tag", null, "host", null),
        new("one metric with a tag", ["it's"], "host", ["a1", "b's"]),
    ];

    static readonly GrafanaQuery[] OfPoints =
        [.. GrafanaFiles.PanelQueries.Concat(GrafanaFiles.OtherQueries).Concat(GrafanaFiles.RuleQueries).Where(query => query.Sql.Contains("FROM metrics.", StringComparison.Ordinal))];

    // What ClickHouse makes of the expressions, most of which are alike.
    static readonly ConcurrentDictionary<string, int> Seconds = new();

    public static TheoryData<string> Queries { get; } = [.. OfPoints.Select(query => query.Source)];

    [Theory]
    [MemberData(nameof(Queries))]
    public async Task Reads_the_coarsest_that_is_fine_enough(string source)
    {
        var query = OfPoints.Single(query => query.Source == source);
        foreach (var width in Widths)
        {
            foreach (var choice in Choices)
            {
                var sql = GrafanaSql.Expand(query, choice, clickHouse.Metrics, clickHouse.Hosts, TimeSpan.FromDays(40), clickHouse.End, width);
                // What stands in an IN (SELECT …) is no part of the plan, so it is planned by itself.
                foreach (var planned in Subquery().Matches(sql).Select(match => match.Groups["sql"].Value).Prepend(sql))
                {
                    var expected = ReadFor(await SecondsAsync(Subquery().Replace(planned, "")));
                    Assert.Equal([expected], await ReadAsync(planned));
                }
            }
        }
    }

    // Or the test above would be one of a database that has none.
    [Fact]
    public async Task Every_merged_part_has_both_projections() => Assert.Equal(
        "['by_1h','by_5m','by_6h']",
        await clickHouse.AsAdministratorAsync("""
            SELECT DISTINCT arraySort(projections) FROM system.parts WHERE active AND database = 'metrics' AND table = 'samples'
            """));

    [Fact]
    public async Task A_filter_by_a_tag_uses_the_index_of_values()
    {
        using var response = await clickHouse.AsGrafanaAsync("""
            EXPLAIN indexes = 1
            SELECT sum(sum) FROM metrics.points(interval = 10, start = 0, end = 4294967295) WHERE tags['host'] IN ('a1')
            """);
        Assert.Contains("tag_values", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    static string ReadFor(int seconds) => seconds switch
    {
        < 300 => Samples,
        < 3600 => "by_5m",
        < 21600 => "by_1h",
        _ => "by_6h",
    };

    async Task<int> SecondsAsync(string sql)
    {
        var interval = Assert.Single(Interval().Matches(sql).Select(match => match.Groups["seconds"].Value).Distinct());
        if (!Seconds.TryGetValue(interval, out var seconds))
        {
            Seconds[interval] = seconds = int.Parse(await clickHouse.AsAdministratorAsync($"SELECT {interval}"), CultureInfo.InvariantCulture);
        }

        return seconds;
    }

    async Task<IEnumerable<string>> ReadAsync(string sql)
    {
        var plan = await clickHouse.AsAdministratorAsync($"EXPLAIN projections = 1 {sql}");
        return ReadFrom().Matches(plan).Select(match => match.Groups["what"].Value).Distinct();
    }

    [GeneratedRegex(@"metrics\.points\(interval = (?<seconds>.+?), start = ")]
    private static partial Regex Interval();

    [GeneratedRegex(@" IN\n\((?<sql>\n.*?)\n\)", RegexOptions.Singleline)]
    private static partial Regex Subquery();

    [GeneratedRegex(@"ReadFromMergeTree \((?<what>[\w.]+)\)")]
    private static partial Regex ReadFrom();
}
