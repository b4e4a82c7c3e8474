using System.Diagnostics;

namespace MetricsFunctions.Tests.Clients;

/// <summary>A program of others that sends metrics.</summary>
sealed class ClientProcess : IDisposable
{
    readonly Process _process;
    readonly ProcessOutput _output;

    /// <summary>Starts it.</summary>
    /// <param name="start">The program, and what it is told.</param>
    public ClientProcess(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        _output = new ProcessOutput(_process);
    }

    /// <summary>Everything printed so far.</summary>
    public string Output => _output.ToString();

    /// <summary>Skips the test where a program is not installed.</summary>
    /// <param name="program">Its name.</param>
    /// <param name="package">What to install.</param>
    public static void SkipUnlessInstalled(string program, string package) => Assert.SkipUnless(
        Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program))),
        $"{program} is not installed: {package}");

    /// <summary>Waits until it has ended, which must be without an error.</summary>
    public async Task ExitedAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True(_process.ExitCode == 0, Output);
    }

    /// <summary>Waits for a condition while it sends.</summary>
    /// <param name="condition">What is to become true.</param>
    public Task UntilAsync(Func<Task<bool>> condition) => Wait.UntilAsync(async () =>
    {
        Assert.False(_process.HasExited, Output);
        return await condition();
    });

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
