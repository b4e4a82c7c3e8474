using System.Globalization;
using System.Text.RegularExpressions;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace MetricsFunctions.Tests;

/// <summary>
/// The errors that a service logs. Those of faults that tests make are expected: that ClickHouse or the configuration is at fault. All others are
/// defects, whatever the test is about.
/// </summary>
static partial class ErrorLog
{
    static readonly int[] Expected =
        [LogEvents.SamplesNotStored, LogEvents.SettingsRefused, LogEvents.EmbeddedClickHouseExited, LogEvents.SettingsUnreadable];

    /// <summary>Those that a host in this process has logged.</summary>
    public static IEnumerable<string> UnexpectedOf(FakeLogCollector log) => log.GetSnapshot()
        .Where(record => record.Level >= LogLevel.Error && !IsExpected(record.Category!, record.Id.Id))
        .Select(record => $"{record} {record.Exception}");

    /// <summary>Those in what Standalone printed.</summary>
    public static IEnumerable<string> UnexpectedOf(string output) => Heads().Matches(output)
        .Where(head => !IsExpected(head.Groups["category"].Value, int.Parse(head.Groups["event"].ValueSpan, CultureInfo.InvariantCulture)))
        .Select(head => head.Value);

    static bool IsExpected(string category, int eventId) => category.StartsWith("MetricsFunctions.", StringComparison.Ordinal) && Expected.Contains(eventId);

    [GeneratedRegex(@"^(fail|crit): (?<category>\S+)\[(?<event>\d+)\]\s*^.*", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Heads();
}
