namespace MetricsFunctions.Tests.Grafana;

/// <summary>What someone in front of a dashboard needs beyond its queries.</summary>
public sealed class DashboardTests
{
    [Fact]
    public void Every_panel_has_a_title_a_description_a_unit_and_an_empty_state()
    {
        foreach (var panel in GrafanaFiles.Dashboards.SelectMany(GrafanaFiles.PanelsOf))
        {
            Assert.NotEmpty(panel["title"]!.GetValue<string>());
            Assert.NotEmpty(panel["description"]!.GetValue<string>());
            Assert.NotEmpty(panel["fieldConfig"]!["defaults"]!["unit"]!.GetValue<string>());
            Assert.NotEmpty(panel["fieldConfig"]!["defaults"]!["noValue"]!.GetValue<string>());
        }
    }

    [Fact]
    public void Ids_and_uids_are_unique()
    {
        AssertUnique(GrafanaFiles.Dashboards.Select(dashboard => dashboard["uid"]!.GetValue<string>()));
        AssertUnique(GrafanaFiles.Rules.Select(rule => rule["uid"]!.GetValue<string>()));
        AssertUnique(GrafanaFiles.Rules.Select(rule => rule["title"]!.GetValue<string>()));
        foreach (var dashboard in GrafanaFiles.Dashboards)
        {
            AssertUnique(dashboard["panels"]!.AsArray().Select(panel => panel!["id"]!.GetValue<int>()));
            AssertUnique(GrafanaFiles.PanelsOf(dashboard).Select(panel => panel["title"]!.GetValue<string>()));
        }
    }

    [Fact]
    public void Panels_do_not_overlap()
    {
        foreach (var dashboard in GrafanaFiles.Dashboards)
        {
            var taken = new HashSet<(int, int)>();
            foreach (var place in dashboard["panels"]!.AsArray().Select(panel => panel!["gridPos"]!))
            {
                var (x, y, width, height) = (place["x"]!.GetValue<int>(), place["y"]!.GetValue<int>(), place["w"]!.GetValue<int>(), place["h"]!.GetValue<int>());
                Assert.InRange(x + width, 1, 24);
                Assert.All(Enumerable.Range(0, width * height), i => Assert.True(taken.Add((x + (i % width), y + (i / width)))));
            }
        }
    }

    [Fact]
    public void Every_query_asks_the_provisioned_data_source()
    {
        var provisioned = File.ReadAllText(Path.Combine(Repository.Root, "grafana", "provisioning", "datasources", "clickhouse.yaml"));
        Assert.Contains("uid: clickhouse\n", provisioned, StringComparison.Ordinal);
        var targets = GrafanaFiles.Dashboards.SelectMany(GrafanaFiles.PanelsOf).SelectMany(panel => panel["targets"]!.AsArray());
        Assert.All(targets, target => Assert.Equal("clickhouse", target!["datasource"]!["uid"]!.GetValue<string>()));
    }

    // Grafana's front end expands these, and nothing has a front end when an alert rule runs.
    [Fact]
    public void Alert_rules_use_no_variable_and_no_macro() =>
        Assert.All(GrafanaFiles.RuleQueries, query => Assert.DoesNotContain("$", query.Sql, StringComparison.Ordinal));

    static void AssertUnique<T>(IEnumerable<T> values)
    {
        var all = values.ToArray();
        Assert.Equal(all.Distinct(), all);
    }
}
