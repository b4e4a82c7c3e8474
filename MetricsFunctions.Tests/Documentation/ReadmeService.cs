using System.Diagnostics;

namespace MetricsFunctions.Tests.Documentation;

/// <summary>The service as the first command of the README starts it, with free ports and a temporary folder in place of its own.</summary>
public sealed class ReadmeService : IAsyncLifetime
{
    /// <summary>That command.</summary>
    public const string Command = "dotnet run --project MetricsFunctions.Standalone";

    readonly TemporaryFolder _folder = new();
    readonly int _port = Ports.Free();
    BackgroundCommand? _service;

    static string Project => Path.Combine(Repository.Root, "MetricsFunctions.Standalone");

    /// <summary>Its ClickHouse.</summary>
    public int ClickHousePort { get; } = Ports.Free();

    /// <summary>Where commands run that are not about the repository's own files.</summary>
    public string Folder => _folder.Path;

    public async ValueTask InitializeAsync()
    {
        _service = BackgroundCommand.Start(
            Command,
            ("Urls", $"http://localhost:{_port}"),
            ("EmbeddedClickHouse__DataPath", Path.GetRelativePath(Project, Path.Combine(Folder, "clickhouse-data"))),
            ("EmbeddedClickHouse__HttpPort", $"{ClickHousePort}"),
            ("EmbeddedClickHouse__TcpPort", $"{Ports.Free()}"));
        await _service.PrintsAsync("Press Ctrl+C");

        // Which is relative to the project's folder, where data of former versions is, and not to where it was built.
        Assert.True(Directory.Exists(Path.Combine(Folder, "clickhouse-data")));
    }

    /// <summary>Puts this service in the place of the one that a page has.</summary>
    public string Here(string command) => command
        .Replace("localhost:7071", $"localhost:{_port}", StringComparison.Ordinal)
        .Replace("localhost:8123", $"localhost:{ClickHousePort}", StringComparison.Ordinal);

    public async ValueTask DisposeAsync()
    {
        if (_service is not null)
        {
            await _service.DisposeAsync();
        }

        _folder.Dispose();
    }
}

/// <summary>A command that runs until it is stopped, in the root of the repository.</summary>
sealed class BackgroundCommand : IAsyncDisposable
{
    readonly Process _process;
    readonly ProcessOutput _output;

    BackgroundCommand(Process process)
    {
        _process = process;
        _output = new ProcessOutput(process);
    }

    string Output => _output.ToString();

    public static BackgroundCommand Start(string command, params (string Name, string Value)[] environment)
    {
        // A build server that outlives the command would keep the pipes of its output open.
        var start = Shell.Start($"exec {command}", Repository.Root, [.. environment, ("MSBUILDDISABLENODEREUSE", "1")]);
        start.RedirectStandardError = true;
        return new BackgroundCommand(Process.Start(start)!);
    }

    /// <summary>Waits until it has printed a text; it may have to be built first.</summary>
    public async Task PrintsAsync(string text)
    {
        for (var waited = Stopwatch.StartNew(); !Output.Contains(text, StringComparison.Ordinal); await Task.Delay(50))
        {
            Assert.False(_process.HasExited, Output);
            Assert.True(waited.Elapsed < TimeSpan.FromMinutes(5), Output);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }
}

/// <summary>The shell that runs what pages say.</summary>
static class Shell
{
    public static ProcessStartInfo Start(string command, string folder, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo("sh", ["-euc", command]) { WorkingDirectory = folder, RedirectStandardOutput = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    /// <summary>Runs a command, which must succeed, and answers what it printed.</summary>
    public static async Task<string> RunAsync(string command, string folder, params (string Name, string Value)[] environment)
    {
        using var shell = Process.Start(Start(command, folder, environment))!;
        var output = await shell.StandardOutput.ReadToEndAsync();
        await shell.WaitForExitAsync();
        Assert.True(shell.ExitCode == 0, $"{command}: {output}");
        return output.Trim();
    }
}
