using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using MetricsFunctions.Tests;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>A program that runs for the comparison and ends with it.</summary>
sealed class ChildProcess : IAsyncDisposable
{
    readonly Process _process;
    readonly ProcessOutput _output;

    ChildProcess(Process process)
    {
        _process = process;
        _output = new ProcessOutput(process);
    }

    public int Id => _process.Id;

    /// <summary>Everything printed so far.</summary>
    public string Output => _output.ToString();

    public bool HasExited => _process.HasExited;

    /// <summary>What it has taken of all cores so far.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Bytes of memory that are resident now.</summary>
    public long ResidentMemory
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>The most bytes of memory that were ever resident.</summary>
    public long PeakResidentMemory
    {
        get
        {
            _process.Refresh();
            return _process.PeakWorkingSet64;
        }
    }

    /// <summary>Starts a program.</summary>
    /// <exception cref="ComparisonException">There is no such program.</exception>
    public static ChildProcess Start(ProcessStartInfo start, params (string Name, string Value)[] environment)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.WorkingDirectory = start.WorkingDirectory is "" ? AppContext.BaseDirectory : start.WorkingDirectory;
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        try
        {
            return new ChildProcess(Process.Start(start)!);
        }
        catch (Win32Exception e)
        {
            throw new ComparisonException($"{start.FileName} cannot be started: {e.Message}");
        }
    }

    /// <summary>
    /// Starts one of our .NET programs, whichever it is with the runtime settings of Standalone: those of the garbage collector decide about
    /// memory.
    /// </summary>
    public static ChildProcess StartDotnet(string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        var dotnet = Path.GetFullPath("../../../dotnet", RuntimeEnvironment.GetRuntimeDirectory());
        var settings = Path.Combine(AppContext.BaseDirectory, "MetricsFunctions.Standalone.runtimeconfig.json");
        var assembly = Path.Combine(AppContext.BaseDirectory, program + ".dll");
        return Start(new ProcessStartInfo(dotnet, ["exec", "--runtimeconfig", settings, assembly, .. arguments]), [.. environment, ("ASPNETCORE_ENVIRONMENT", "Production")]);
    }

    public async Task<int> ExitedAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    /// <summary>Kills the program, if it still runs, with all that it started.</summary>
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
