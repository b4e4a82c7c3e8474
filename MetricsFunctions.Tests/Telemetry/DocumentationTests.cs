using System.Reflection;
using System.Text.RegularExpressions;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.Extensions.Logging;

namespace MetricsFunctions.Tests.Telemetry;

/// <summary>docs/operations.md has every metric, every kind of fault, every log event and every alert, and the dashboards show no other.</summary>
public sealed partial class DocumentationTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    static readonly string Operations = File.ReadAllText(Path.Combine(Repository.Root, "docs", "operations.md"));

    [Fact]
    public void Every_metric_is_explained_with_its_unit()
    {
        var instruments = Measurements.InstrumentsOf(host);
        Assert.NotEmpty(instruments);
        Assert.All(instruments, instrument => Assert.Contains($"| `{instrument.Name}` | {instrument.Unit}, ", Operations, StringComparison.Ordinal));
        Assert.All(instruments, instrument => Assert.NotEmpty(instrument.Description!));
    }

    [Fact]
    public void Every_kind_of_fault_is_explained()
    {
        var faults = typeof(StorageFault).GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            .Select(field => field.GetValue(null)).OfType<StorageFault>().ToList();
        Assert.Equal(15, faults.Count);
        Assert.All(faults, fault => Assert.Contains($"`{fault.Kind}`", Operations, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_log_event_has_a_number_of_its_own_and_a_line_with_its_level()
    {
        var events = new[] { typeof(IngestionTelemetry).Assembly, Assembly.Load("MetricsFunctions.Standalone") }
            .SelectMany(assembly => assembly.GetTypes())
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>().ToList();
        Assert.NotEmpty(events);
        Assert.Equal(events.Count, events.DistinctBy(line => line.EventId).Count());
        Assert.All(events, line => Assert.Contains($"| {line.EventId} `{line.EventName}` | {line.Level} | {Placeholder().Split(line.Message)[0].TrimEnd('(', ' ')}", Operations, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_alert_has_a_line_and_a_paragraph() => Assert.All(Grafana.GrafanaFiles.Rules, rule =>
    {
        Assert.Contains($"| {rule["title"]} |", Operations, StringComparison.Ordinal);
        Assert.Contains($"\n**{rule["title"]}.** ", Operations, StringComparison.Ordinal);
    });

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Placeholder();
}
