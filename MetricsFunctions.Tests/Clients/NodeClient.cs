using System.ComponentModel;
using System.Diagnostics;

namespace MetricsFunctions.Tests.Clients;

/// <summary>A program of this folder, on Node.js, with what others publish on npm to send metrics.</summary>
sealed class NodeClient : IDisposable
{
    static readonly string Folder = Path.Combine(Repository.Root, "MetricsFunctions.Tests", "Clients");

    readonly Process _process;
    readonly Task<string> _output;

    NodeClient(Process process)
    {
        _process = process;
        _output = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Starts it, or skips the test where its packages are not installed.</summary>
    public static NodeClient Start(string[] arguments, params (string Name, string Value)[] environment)
    {
        Assert.SkipUnless(Directory.Exists(Path.Combine(Folder, "node_modules")), "The clients are not installed: run npm ci in MetricsFunctions.Tests/Clients.");
        var start = new ProcessStartInfo("node", arguments) { WorkingDirectory = Folder, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        try
        {
            return new NodeClient(Process.Start(start)!);
        }
        catch (Win32Exception)
        {
            Assert.Skip("Node.js is not installed.");
            throw;
        }
    }

    /// <summary>Waits until it has ended, which must be without an error.</summary>
    public async Task ExitedAsync()
    {
        var output = await _output.WaitAsync(TimeSpan.FromSeconds(60));
        await _process.WaitForExitAsync();
        Assert.True(_process.ExitCode == 0, output);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
