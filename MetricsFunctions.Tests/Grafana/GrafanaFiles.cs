using System.Globalization;
using System.Text.Json.Nodes;

namespace MetricsFunctions.Tests.Grafana;

/// <summary>One query that Grafana sends: of a panel, a variable, an annotation or an alert rule.</summary>
/// <param name="Source">Where it stands.</param>
/// <param name="Sql">The SQL with its macros and variables.</param>
/// <param name="IsTimeSeries">Whether the plugin makes series of it: a time, then labels, then values.</param>
/// <param name="MaxPoints">Points across the panel.</param>
/// <param name="MinSeconds">Least seconds that a point stands for.</param>
/// <param name="Repeated">The variable that the panel is repeated for.</param>
public sealed record GrafanaQuery(string Source, string Sql, bool IsTimeSeries, int MaxPoints, int MinSeconds = 1, string? Repeated = null)
{
    /// <inheritdoc/>
    public override string ToString() => Source;
}

/// <summary>The files that Grafana is provisioned from.</summary>
static class GrafanaFiles
{
    static readonly string Folder = Path.Combine(Repository.Root, "grafana");

    public static string[] DashboardPaths { get; } = Directory.GetFiles(Path.Combine(Folder, "dashboards"), "*.json");

    public static JsonNode[] Dashboards { get; } = [.. DashboardPaths.Select(Read)];

    public static JsonNode[] Rules { get; } =
    [
        .. Directory.GetFiles(Path.Combine(Folder, "provisioning", "alerting"), "*.json").Select(Read)
            .SelectMany(file => file["groups"]!.AsArray()).SelectMany(group => group!["rules"]!.AsArray()).Select(rule => rule!),
    ];

    public static GrafanaQuery[] PanelQueries { get; } = [.. Dashboards.SelectMany(PanelQueriesOf)];

    public static GrafanaQuery[] RuleQueries { get; } =
    [
        .. from rule in Rules
           from data in rule["data"]!.AsArray()
           where data!["datasourceUid"]!.GetValue<string>() == "clickhouse"
           select QueryOf($"rule/{rule["title"]}", data["model"]!, 1),
    ];

    public static GrafanaQuery[] OtherQueries { get; } =
    [
        .. from dashboard in Dashboards
           from variable in dashboard["templating"]!["list"]!.AsArray()
           select QueryOf($"{dashboard["uid"]}/${variable!["name"]}", variable["query"]!, 1),
        .. from dashboard in Dashboards
           from annotation in dashboard["annotations"]!["list"]!.AsArray()
           where annotation!["target"] is not null
           select QueryOf($"{dashboard["uid"]}/{annotation["name"]}", annotation["target"]!, 1),
    ];

    /// <summary>Panels that draw, and so not the rows between them.</summary>
    public static IEnumerable<JsonNode> PanelsOf(JsonNode dashboard) =>
        dashboard["panels"]!.AsArray().Select(panel => panel!).Where(panel => panel["type"]!.GetValue<string>() != "row");

    static IEnumerable<GrafanaQuery> PanelQueriesOf(JsonNode dashboard) =>
        from panel in PanelsOf(dashboard)
        from target in panel["targets"]!.AsArray()
        select QueryOf(
            $"{dashboard["uid"]}/{panel["title"]}/{target!["refId"]}",
            target,
            panel["maxDataPoints"]!.GetValue<int>(),
            int.Parse(panel["interval"]!.GetValue<string>().TrimEnd('s'), CultureInfo.InvariantCulture),
            panel["repeat"]?.GetValue<string>());

    static GrafanaQuery QueryOf(string source, JsonNode target, int maxPoints, int minSeconds = 1, string? repeated = null) =>
        new(source, target["rawSql"]!.GetValue<string>(), target["format"]?.GetValue<int>() == 0, maxPoints, minSeconds, repeated);

    static JsonNode Read(string path) => JsonNode.Parse(File.ReadAllText(path))!;
}
