using System.Diagnostics;
using System.Globalization;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>What one run of wrk measured.</summary>
/// <param name="Requests">Requests that were answered with success.</param>
/// <param name="RequestsPerSecond">Those, a second.</param>
/// <param name="MedianLatency">Half of them took less, in milliseconds.</param>
/// <param name="P99Latency">99 of 100 took less, in milliseconds.</param>
sealed record Load(long Requests, double RequestsPerSecond, double MedianLatency, double P99Latency);

/// <summary>The load generator, <see href="https://github.com/wg/wrk"/>, with one thread.</summary>
static class Wrk
{
    // As long as the service lets a request wait.
    const int TimeoutSeconds = 10;

    /// <summary>Posts samples on so many connections for so many seconds.</summary>
    /// <exception cref="ComparisonException">A request failed: figures with errors in them compare nothing.</exception>
    public static Task<Load> RunAsync(Contender contender, int connections, int seconds, CancellationToken cancellationToken) =>
        RunAsync(contender.Url, connections, seconds, "Compare/load.lua", [contender.MediaType, contender.Sample], cancellationToken);

    /// <summary>Sends what a script makes on so many connections for so many seconds.</summary>
    /// <exception cref="ComparisonException">A request failed: figures with errors in them compare nothing.</exception>
    public static async Task<Load> RunAsync(
        Uri url, int connections, int seconds, string script, string[] arguments, CancellationToken cancellationToken)
    {
        await using var wrk = ChildProcess.Start(new ProcessStartInfo("wrk",
        [
            "--threads", "1", "--connections", $"{connections}", "--duration", $"{seconds}s", "--timeout", $"{TimeoutSeconds}s",
            "--script", script, url.AbsoluteUri, "--", .. arguments,
        ]));
        var exitCode = await wrk.ExitedAsync(cancellationToken);
        var line = wrk.Output.Split('\n').FirstOrDefault(line => line.StartsWith("figures ", StringComparison.Ordinal));
        if (exitCode != 0 || line is null)
        {
            throw new ComparisonException($"wrk failed: {wrk.Output}");
        }

        var figures = Array.ConvertAll(line.Split(' ')[1..], figure => long.Parse(figure, CultureInfo.InvariantCulture));
        if (figures is not [> 0 and var requests, var microseconds, var medianMicroseconds, var p99Microseconds, 0, 0, 0, 0, 0])
        {
            throw new ComparisonException($"Not every request to {url.GetLeftPart(UriPartial.Path)} succeeded: {wrk.Output}");
        }

        return new Load(requests, requests * 1e6 / microseconds, medianMicroseconds / 1e3, p99Microseconds / 1e3);
    }
}
