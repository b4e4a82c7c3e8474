using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace MetricsFunctions.EmbeddedClickHouse;

/// <summary>One run of the engine in a child process, seen from the parent.</summary>
sealed class ServerProcess : IDisposable
{
    static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    // More than the child takes when it has to end itself.
    static readonly TimeSpan StopTimeout = Engine.StopTimeout + TimeSpan.FromSeconds(5);

    // A server whose parent was killed needs a moment to stop; its successor waits for it.
    static readonly TimeSpan DataInUseTimeout = TimeSpan.FromSeconds(3);

    readonly Process _process;
    readonly StreamWriter _lifeline;
    readonly TaskCompletionSource<(int Http, int Tcp)> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    string _error = "it ended without a word";

    ServerProcess(Process process, string adminPassword)
    {
        _process = process;
        AdminPassword = adminPassword;
        _lifeline = process.StandardInput;
        Id = process.Id;

        // Read to the end even when nobody wants it, or the child would block on a full pipe.
        process.OutputDataReceived += (_, line) => ReadOutput(line.Data);
        process.ErrorDataReceived += (_, line) => ReadError(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        Exited = WaitForExitAsync();
    }

    public int Id { get; }

    public string AdminPassword { get; }

    public int HttpPort { get; private set; }

    public int TcpPort { get; private set; }

    public Task<int> Exited { get; }

    public static async Task<ServerProcess> StartAsync(ClickHouseServerOptions options, CancellationToken cancellationToken)
    {
        RequirePlatform();
        var password = Admin.ReadPassword(options.DataPath);
        var waited = Stopwatch.StartNew();
        while (true)
        {
            var process = Launch(options, password);
            if (await process.ListenAsync(cancellationToken))
            {
                return process;
            }

            var dataInUse = process._error.Contains("Another server instance in same directory", StringComparison.Ordinal);
            if (!dataInUse || waited.Elapsed > DataInUseTimeout)
            {
                throw new ClickHouseStartException(dataInUse ? DataInUse(options) : Explain(process._error, options));
            }
        }
    }

    public async Task StopAsync()
    {
        _lifeline.Close();
        try
        {
            await Exited.WaitAsync(StopTimeout);
        }
        catch (TimeoutException)
        {
            await KillAsync();
        }
    }

    public async Task KillAsync()
    {
        if (!Exited.IsCompleted)
        {
            _process.Kill();
        }

        await Exited;
    }

    public void Dispose() => _process.Dispose();

    static void RequirePlatform()
    {
        var platform = RuntimeInformation.RuntimeIdentifier;
        var musl = platform.Contains("musl", StringComparison.Ordinal) || platform.Contains("alpine", StringComparison.Ordinal);
        var supported = (OperatingSystem.IsLinux() && !musl) || OperatingSystem.IsMacOS();
        if (!supported || RuntimeInformation.ProcessArchitecture is not (Architecture.X64 or Architecture.Arm64))
        {
            throw new ClickHouseStartException(
                $"The embedded ClickHouse runs on Linux with glibc and on macOS, not on {platform}: {Engine.BringYourOwn}.");
        }
    }

    static ServerProcess Launch(ClickHouseServerOptions options, string password)
    {
        // The apphost and not Environment.ProcessPath, which may be a test runner.
        var program = Path.Combine(AppContext.BaseDirectory, typeof(ServerProcess).Assembly.GetName().Name!);
        var start = new ProcessStartInfo(program)
        {
            ArgumentList =
            {
                Engine.Command,
                options.ConfigurationPath,
                options.DataPath,
                options.HttpPort.ToString(CultureInfo.InvariantCulture),
                options.TcpPort.ToString(CultureInfo.InvariantCulture),
            },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // An apphost does not find a .NET that is only on the PATH.
        start.Environment.TryAdd("DOTNET_ROOT", Path.GetFullPath("../../..", RuntimeEnvironment.GetRuntimeDirectory()));
        // A killed process would leave its diagnostics socket behind.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        // clickhouse-local has no setting for the server's time zone.
        start.Environment["TZ"] = "UTC";
        // For users.xml.
        start.Environment["CLICKHOUSE_ADMIN_SHA256"] = Admin.Hash(password);
        // For config.d/fsync.xml.
        start.Environment["CLICKHOUSE_FSYNC"] = options.Fsync ? "1" : "0";

        try
        {
            return new ServerProcess(Process.Start(start)!, password);
        }
        catch (Win32Exception e)
        {
            throw new ClickHouseStartException($"The embedded ClickHouse cannot be started ({program}: {e.Message}): build the solution again.", e);
        }
    }

    /// <summary>Waits until the server listens. If it does not, its process is gone afterwards.</summary>
    async Task<bool> ListenAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.WhenAny(_listening.Task, _failed.Task, Exited).WaitAsync(StartTimeout, cancellationToken);
            if (_listening.Task.IsCompletedSuccessfully)
            {
                (HttpPort, TcpPort) = await _listening.Task;
                return true;
            }
        }
        catch (TimeoutException)
        {
            _error = $"it does not listen after {StartTimeout.TotalSeconds} s";
        }
        finally
        {
            // No port, no success: also when the start was given up in the very moment it succeeded.
            if (HttpPort == 0)
            {
                await KillAsync();
                Dispose();
            }
        }

        return false;
    }

    // What start.sql selects; around it is the chatter of an interactive clickhouse-local.
    void ReadOutput(string? line)
    {
        if (line?.Split('\t') is ["listening", var http, var tcp])
        {
            _listening.TrySetResult((int.Parse(http, CultureInfo.InvariantCulture), int.Parse(tcp, CultureInfo.InvariantCulture)));
        }
    }

    // Of several lines the exception is the one that tells; a failed statement of start.sql leaves the process waiting.
    void ReadError(string? line)
    {
        if (_failed.Task.IsCompleted || string.IsNullOrWhiteSpace(line))
        {
            return;
        }

        _error = line;
        if (line.StartsWith("Code: ", StringComparison.Ordinal))
        {
            _failed.TrySetResult();
        }
    }

    async Task<int> WaitForExitAsync()
    {
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    static string DataInUse(ClickHouseServerOptions options) =>
        $"The data folder {options.DataPath} is in use by another server: stop that one, or choose another folder with --data or EmbeddedClickHouse:DataPath.";

    static string Explain(string error, ClickHouseServerOptions options)
    {
        if (error.Contains("Address already in use", StringComparison.Ordinal))
        {
            var (port, flag, setting) = error.Contains($"]:{options.HttpPort} ", StringComparison.Ordinal)
                ? (options.HttpPort, "--http-port", "EmbeddedClickHouse:HttpPort")
                : (options.TcpPort, "--tcp-port", "EmbeddedClickHouse:TcpPort");
            return $"Port {port} on 127.0.0.1 is in use: stop the process that has it, or choose another with {flag} or {setting}.";
        }

        return error == Engine.LibraryMissing ? error : $"ClickHouse did not start: {error} (log: {Path.Combine(options.DataPath, Engine.LogFile)})";
    }
}
