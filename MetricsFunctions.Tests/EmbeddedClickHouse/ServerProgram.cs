using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace MetricsFunctions.Tests.EmbeddedClickHouse;

/// <summary>The program, and so also a parent of a server that can be killed.</summary>
sealed class ServerProgram : IDisposable
{
    public const string Name = "MetricsFunctions.EmbeddedClickHouse";
    readonly Process _process;
    readonly Task<string> _errors;

    ServerProgram(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>The processes that it has started.</summary>
    public int[] Children =>
    [
        .. Directory.EnumerateDirectories($"/proc/{_process.Id}/task")
            .SelectMany(thread => File.ReadAllText(Path.Combine(thread, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(int.Parse),
    ];

    public static ServerProgram Start(params string[] arguments) => StartIn(AppContext.BaseDirectory, arguments);

    public static ServerProgram StartIn(string folder, params string[] arguments) =>
        new(Process.Start(new ProcessStartInfo(Path.Combine(folder, Name), arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!);

    /// <summary>Reads the line that tells that it is ready.</summary>
    public async Task<string> ReadyAsync() => await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException(await _errors);

    /// <summary>The output that has not been read yet, and the lines of stderr, when it has ended.</summary>
    public async Task<(int ExitCode, string Output, string[] Errors)> ExitedAsync()
    {
        var output = await _process.StandardOutput.ReadToEndAsync();
        await _process.WaitForExitAsync();
        return (_process.ExitCode, output, (await _errors).Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    public void Terminate() => Terminate(_process.Id);

    public void Kill() => _process.Kill();

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    public static void Terminate(int processId) => Assert.Equal(0, Kill(processId, 15));

    /// <summary>Whether a process is there and not just waiting to be buried by a parent that is no more.</summary>
    public static bool IsRunning(int processId)
    {
        try
        {
            var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
            return stat[stat.LastIndexOf(')') + 2] != 'Z';
        }
        catch (IOException)
        {
            return false;
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    static extern int Kill(int processId, int signal);
}
