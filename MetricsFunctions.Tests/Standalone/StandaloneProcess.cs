using System.Diagnostics;

namespace MetricsFunctions.Tests.Standalone;

/// <summary>Standalone as its users have it: a process of its own, with settings in its environment.</summary>
sealed class StandaloneProcess : IDisposable
{
    const int Sigterm = 15;
    readonly Process _process;
    readonly ProcessOutput _output;

    StandaloneProcess(Process process)
    {
        _process = process;
        _output = new ProcessOutput(process);
    }

    public int Id => _process.Id;

    /// <summary>Everything printed so far.</summary>
    public string Output => _output.ToString();

    static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "MetricsFunctions.Standalone");

    public static StandaloneProcess Start(params (string Setting, string Value)[] settings) => Start(new ProcessStartInfo(Program), settings);

    /// <summary>Starts it with an <c>/etc/hosts</c> of its own, which may change while it runs; or skips the test where that is not allowed.</summary>
    public static StandaloneProcess StartWithHosts(string hosts, params (string Setting, string Value)[] settings) =>
        StartWithMount($"--bind '{hosts}' /etc/hosts", settings);

    /// <summary>Starts it with a folder that is a small file system of its own; or skips the test where that is not allowed.</summary>
    public static StandaloneProcess StartWithSmallDisk(string folder, string size, params (string Setting, string Value)[] settings) =>
        StartWithMount($"-t tmpfs -o {size} tmpfs '{folder}'", settings);

    /// <summary>What the process calls so, which may be on a file system that nobody else sees.</summary>
    public string PathOutside(string path) => $"/proc/{_process.Id}/root{path}";

    static StandaloneProcess StartWithMount(string mount, (string, string)[] settings)
    {
        string[] apart = ["--user", "--map-root-user", "--mount", "/bin/sh", "-c", $"mount {mount} && exec \"$0\""];
        using var trial = Process.Start("unshare", [.. apart, "true"]);
        trial.WaitForExit();
        Assert.SkipUnless(trial.ExitCode == 0, "This user may not make a mount namespace (unshare --user --map-root-user --mount).");
        return Start(new ProcessStartInfo("unshare", [.. apart, Program]), settings);
    }

    /// <summary>Starts it by a command of one's own, in its own folder where that names none.</summary>
    public static StandaloneProcess Start(ProcessStartInfo start, params (string Setting, string Value)[] settings)
    {
        start.WorkingDirectory = start.WorkingDirectory is "" ? AppContext.BaseDirectory : start.WorkingDirectory;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Production";
        // A killed process would leave its diagnostics socket behind.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        // Most live too shortly to profit from being compiled a second time: not before 3 s (in hexadecimal milliseconds).
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_TC_CallCountingDelayMs"] = "BB8";
        foreach (var (setting, value) in settings)
        {
            start.Environment[setting] = value;
        }

        return new StandaloneProcess(Process.Start(start)!);
    }

    /// <summary>Waits until the welcome is printed, and so requests are taken.</summary>
    public Task StartedAsync() => Wait.UntilAsync(() =>
    {
        Assert.False(_process.HasExited, $"Standalone ended: {Output}");
        return Task.FromResult(Output.Contains("Press Ctrl+C", StringComparison.Ordinal));
    });

    public async Task<int> TerminateAsync()
    {
        Assert.Equal(0, Kill(_process.Id, Sigterm));
        return await ExitedAsync();
    }

    public async Task KillAsync()
    {
        _process.Kill();
        await ExitedAsync();
    }

    public async Task<int> ExitedAsync()
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await _process.WaitForExitAsync(timeout.Token);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
        Assert.True(!ErrorLog.UnexpectedOf(Output).Any(), Output);
    }

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "kill")]
    static extern int Kill(int processId, int signal);
}
