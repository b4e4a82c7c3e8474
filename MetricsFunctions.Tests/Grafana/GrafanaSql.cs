using System.Globalization;
using System.Text.RegularExpressions;

namespace MetricsFunctions.Tests.Grafana;

/// <summary>What someone chose on a dashboard. An empty array is a variable without a value; null is All.</summary>
public sealed record Choice(string Name, string[]? Metrics, string TagKey, string[]? TagValues)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>Turns what stands in a dashboard into what ClickHouse gets, as Grafana's front end and the plugin's macros do.</summary>
static partial class GrafanaSql
{
    static readonly double[] Steps = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

    /// <param name="query">The query.</param>
    /// <param name="choice">What is chosen.</param>
    /// <param name="allMetrics">What All means for the metric.</param>
    /// <param name="allTagValues">What All means for the value of the tag.</param>
    /// <param name="span">The length of the time range.</param>
    /// <param name="to">Its end.</param>
    /// <param name="pointSeconds">Seconds that a point stands for; default: what Grafana makes of the range and the panel.</param>
    public static string Expand(
        GrafanaQuery query, Choice choice, string[] allMetrics, string[] allTagValues, TimeSpan span, DateTimeOffset to, int? pointSeconds = null)
    {
        var from = to - span;
        var seconds = (pointSeconds ?? Math.Max(query.MinSeconds, Steps.First(step => step >= Math.Min(86400, span.TotalSeconds / query.MaxPoints * 0.75)))).ToString(CultureInfo.InvariantCulture);

        // The plugin asks the dashboard's variables whether All is chosen, also in a panel repeated for one value; that is why this comes first.
        var sql = ConditionalAll().Replace(query.Sql, match =>
            (match.Groups["variable"].Value == "metric" ? choice.Metrics : choice.TagValues) is null ? "1=1" : match.Groups["condition"].Value);
        var metrics = choice.Metrics ?? allMetrics;
        sql = sql
            .Replace("${metric:singlequote}", Quote(query.Repeated == "metric" ? [.. metrics.Take(1)] : metrics), StringComparison.Ordinal)
            .Replace("${tag_key:singlequote}", Quote([choice.TagKey]), StringComparison.Ordinal)
            .Replace("${tag_value:singlequote}", Quote(choice.TagValues ?? allTagValues), StringComparison.Ordinal);

        sql = TimeFilter().Replace(sql, $"$1 >= toDateTime({from.ToUnixTimeSeconds()}) AND $1 <= toDateTime({to.ToUnixTimeSeconds()})");
        sql = TimeInterval().Replace(sql, $"toStartOfInterval(toDateTime($1), INTERVAL {seconds} second)");
        sql = sql
            .Replace("$__interval_s", seconds, StringComparison.Ordinal)
            .Replace("$__fromTime", $"toDateTime({from.ToUnixTimeSeconds()})", StringComparison.Ordinal)
            .Replace("$__toTime", $"toDateTime({to.ToUnixTimeSeconds()})", StringComparison.Ordinal);
        return sql.Contains('$', StringComparison.Ordinal) ? throw new InvalidOperationException($"There are macros or variables left: {sql}") : sql;
    }

    /// <summary>Values as a list of SQL; that of none is an empty string, as Grafana has it.</summary>
    public static string Quote(string[] values) =>
        values.Length == 0 ? "''" : string.Join(',', values.Select(value => $"'{value.Replace("'", "\\'", StringComparison.Ordinal)}'"));

    [GeneratedRegex(@"\$__conditionalAll\((?<condition>(?>[^()]|(?<open>\()|(?<-open>\)))*?)(?(open)(?!)), \$(?<variable>\w+)\)")]
    private static partial Regex ConditionalAll();

    [GeneratedRegex(@"\$__timeFilter\((\w+)\)")]
    private static partial Regex TimeFilter();

    [GeneratedRegex(@"\$__timeInterval\((\w+)\)")]
    private static partial Regex TimeInterval();
}
