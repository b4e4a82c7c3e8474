using System.Diagnostics;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Text;

namespace MetricsFunctions.EmbeddedClickHouse;

/// <summary>
/// The child process: runs ClickHouse's engine until standard input ends, which is when the parent closes it or is no more.
/// </summary>
static class Engine
{
    /// <summary>The private first argument that makes the program be the engine.</summary>
    public const string Command = "engine";

    public const string LogFile = "clickhouse.log";

    // What ClickHouse calls its threads for merges.
    const string MergeThread = "MergeMutate";

    // A third of the processor time of others, while those want more than there is. With still less, bulk soon leaves nearly as many
    // parts as ClickHouse takes before it holds INSERTs up.
    const int MergeNiceness = 5;

    public const string BringYourOwn = "set ConnectionStrings:ClickHouse to a ClickHouse server of your own";

    public const string LibraryMissing =
        $"The chDB library is not installed: install Node.js with npm and build again, or {BringYourOwn}.";

    /// <summary>
    /// When it stops, ClickHouse gives queries 5 seconds to finish and now and then waits 10 for a thread of its own; after this long the process
    /// ends by force.
    /// </summary>
    public static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(15);

    public static int Run(string configurationPath, string dataPath, string httpPort, string tcpPort)
    {
        if (FindLibrary() is not { } library)
        {
            Console.Error.WriteLine(LibraryMissing);
            return 1;
        }

        try
        {
            return Run(library, configurationPath, dataPath, httpPort, tcpPort);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    static int Run(string library, string configurationPath, string dataPath, string httpPort, string tcpPort)
    {
        // Signals meant for the host reach whole process groups and containers; the host decides when its database stops.
        PosixProcess.LeaveProcessGroup();
        using var ignoreSigterm = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => context.Cancel = true);

        // Taken before the terminal takes its place.
        var parent = Console.OpenStandardInput();
        // Without a terminal clickhouse-local calls std::terminate when a client resets its connection (ClickHouse#115666, in 26.7).
        using var terminal = PosixProcess.ReplaceStandardInputByTerminal();
        // The engine reads this pipe as its second file of queries: there are none, and when it ends, so does the server.
        using var queries = new AnonymousPipeServerStream(PipeDirection.Out);

        var stopping = false;
        new Thread(StopAfterParent) { IsBackground = true }.Start();
        new Thread(PutMergesBehindInserts) { IsBackground = true }.Start();

        KeepSystemTables(dataPath);
        HideFiles(dataPath);
        ForgetUnwrittenInserts(dataPath, Path.Combine(AppContext.BaseDirectory, "server", "forget-unwritten-inserts"));
        var arguments = Arguments(configurationPath, dataPath, httpPort, tcpPort, queries.ClientSafePipeHandle.DangerousGetHandle());
        string? error = null;
        var engine = new Thread(() => error = Chdb.Run(library, arguments), maxStackSize: 16 << 20);
        engine.Start();
        engine.Join();

        if (error is not null)
        {
            Console.Error.WriteLine(error.Split('\n')[0]);
        }

        // What fails later ClickHouse prints, and then reports success; but it never ends by itself.
        return Volatile.Read(ref stopping) ? 0 : 1;

        void StopAfterParent()
        {
            parent.CopyTo(Stream.Null);
            Volatile.Write(ref stopping, true);
            queries.Dispose();
            terminal.Dispose();

            // ClickHouse waits for open connections, and clients keep idle ones open.
            for (var waited = Stopwatch.StartNew(); waited.Elapsed < StopTimeout;)
            {
                Thread.Sleep(50);
                PosixProcess.EndReceiving();
            }

            Process.GetCurrentProcess().Kill();
        }
    }

    // As on clickhouse-local's command line.
    static string[] Arguments(string configurationPath, string dataPath, string httpPort, string tcpPort, nint queries) =>
    [
        "clickhouse",
        $"--config-file={Path.Combine(configurationPath, "config.xml")}",
        $"--path={dataPath}",
        $"--logger.log={Path.Combine(dataPath, LogFile)}",
        $"--http_port={httpPort}",
        $"--tcp_port={tcpPort}",
        // For start.sql alone, which is run as the user default; sessions of clients do not have it from here.
        "--readonly=0",
        "--interactive",
        "--disable_suggestion",
        "--queries-file",
        Path.Combine(configurationPath, "start.sql"),
        "--queries-file",
        $"/dev/fd/{queries}",
    ];

    // Merges can wait, and somebody waits for an INSERT; on few cores each would take half of the other's. ClickHouse has a setting for it
    // (os_threads_nice_value_merge_mutate), which does nothing without a privilege, because it also takes it back after each merge.
    static void PutMergesBehindInserts()
    {
        // The threads begin with the engine, and stay.
        for (var lowered = 0; ;)
        {
            Thread.Sleep(TimeSpan.FromSeconds(1));
            var before = lowered;
            lowered = PosixProcess.LowerThreads(MergeThread, MergeNiceness);
            if (lowered > 0 && lowered == before)
            {
                return;
            }
        }
    }

    // Otherwise the system database is in memory, and the tables of its logs find their own files in the way at the next start.
    static void KeepSystemTables(string dataPath)
    {
        var metadata = Path.Combine(dataPath, "metadata");
        var system = Path.Combine(metadata, "system.sql");
        if (!File.Exists(system))
        {
            Directory.CreateDirectory(metadata);

            // Synced before it has this name: a power cut that left it empty would keep ClickHouse from starting.
            var written = Path.Combine(dataPath, Path.GetRandomFileName());
            using (var file = File.OpenHandle(written, FileMode.CreateNew, FileAccess.Write))
            {
                RandomAccess.Write(file, Encoding.UTF8.GetBytes($"ATTACH DATABASE _ UUID '{Guid.NewGuid()}' ENGINE = Atomic\n"), fileOffset: 0);
                RandomAccess.FlushToDisk(file);
            }

            File.Move(written, system);
        }
    }

    // SQL's function file() reads whatever this user may read, for everyone: no grant and no setting is about it, and it keeps to no folder as it does in
    // a server. A function of the same name that is there at the start, as if SQL had made it, goes before it.
    static void HideFiles(string dataPath)
    {
        const string Function = "function_file.sql";
        var functions = Directory.CreateDirectory(Path.Combine(dataPath, "user_defined"));
        File.Copy(Path.Combine(AppContext.BaseDirectory, "server", Function), Path.Combine(functions.FullName, Function), overwrite: true);
    }

    // A server that ended in good order has taken its status file with it, and one that runs holds a lock on it.
    static void ForgetUnwrittenInserts(string dataPath, string script)
    {
        var status = Path.Combine(dataPath, "status");
        if (!File.Exists(status))
        {
            return;
        }

        FileStream ended;
        try
        {
            ended = new FileStream(status, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            // Still running, or gone this moment: ClickHouse itself says so when it starts.
            return;
        }

        using (ended)
        using (var repair = Process.Start("/bin/sh", [script, dataPath]))
        {
            repair.WaitForExit();
            if (repair.ExitCode != 0)
            {
                throw new IOException($"{script} ended with {repair.ExitCode}.");
            }
        }
    }

    // The build puts the path of npm's copy into the runtime configuration; a published program has it at its side.
    static string? FindLibrary()
    {
        string?[] places = [AppContext.GetData("MetricsFunctions.EmbeddedClickHouse.Library") as string, Path.Combine(AppContext.BaseDirectory, "libchdb.so")];
        return places.FirstOrDefault(File.Exists);
    }
}
