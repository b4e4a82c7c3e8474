using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;

namespace MetricsFunctions.Tests;

/// <summary>
/// The errors that a service logs. Those of faults that tests make are expected: that ClickHouse or the configuration is at fault. All others are
/// defects, whatever the test is about.
/// </summary>
sealed partial class ErrorLog : ILoggerProvider
{
    static readonly int[] Expected = [1, 21, 100, 101];

    readonly ConcurrentQueue<string> _unexpected = new();

    public IEnumerable<string> Unexpected => _unexpected;

    /// <summary>Those in what Standalone printed.</summary>
    public static IEnumerable<string> UnexpectedOf(string output) => Heads().Matches(output)
        .Where(head => !IsExpected(head.Groups["category"].Value, int.Parse(head.Groups["event"].ValueSpan, CultureInfo.InvariantCulture)))
        .Select(head => head.Value);

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    static bool IsExpected(string category, int eventId) => category.StartsWith("MetricsFunctions.", StringComparison.Ordinal) && Expected.Contains(eventId);

    [GeneratedRegex(@"^(fail|crit): (?<category>\S+)\[(?<event>\d+)\]\s*^.*", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Heads();

    sealed class Logger(ErrorLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel) && !IsExpected(category, eventId.Id))
            {
                log._unexpected.Enqueue($"{category}[{eventId.Id}]: {formatter(state, exception)} {exception}");
            }
        }
    }
}
