using System.Diagnostics;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>Programs that do one thing and end.</summary>
static class Command
{
    /// <summary>Runs one and answers what it printed.</summary>
    /// <exception cref="ComparisonException">It failed.</exception>
    public static async Task<string> RunAsync(string[] command, CancellationToken stop, string folder = "")
    {
        var (succeeded, output) = await TryRunAsync(command, stop, folder);
        return succeeded ? output : throw new ComparisonException($"{command[0]} failed: {output}");
    }

    /// <summary>Runs one and answers whether it succeeded, and what it printed; one that is not there fails.</summary>
    public static async Task<(bool Succeeded, string Output)> TryRunAsync(string[] command, CancellationToken stop, string folder = "")
    {
        try
        {
            await using var process = ChildProcess.Start(new ProcessStartInfo(command[0], command[1..]) { WorkingDirectory = folder });
            var exitCode = await process.ExitedAsync(stop);
            return (exitCode == 0, process.Output);
        }
        catch (ComparisonException e)
        {
            return (false, e.Message);
        }
    }
}
