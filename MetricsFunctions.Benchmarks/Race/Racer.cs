using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MetricsFunctions.Benchmarks.Compare;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>A program that takes samples over HTTP, with the database that it keeps them in.</summary>
/// <param name="product">What it is called.</param>
/// <param name="package">Where it is from; <see langword="null"/> for what is built here.</param>
abstract class Racer(string product, DebianPackage? package = null)
{
    const int CalmSeconds = 5;
    const double CalmCores = 0.1;

    static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(1);
    static readonly TimeSpan RestTimeout = TimeSpan.FromMinutes(10);
    static readonly HttpClient Http = new();

    readonly List<ChildProcess> _processes = [];

    /// <summary>What the report calls it.</summary>
    public string Name => package is { Version: not "" } ? $"{product} {package.Version}" : product;

    /// <summary>What is promised of a sample by its answer.</summary>
    public abstract string Answer { get; }

    /// <summary>What is done until its data lie on disk as they stay, and what of them is counted.</summary>
    public abstract string Disk { get; }

    /// <summary>What it is sent: single samples in all of them, large bodies in the first.</summary>
    public abstract IReadOnlyList<ProtocolBody> Protocols { get; }

    /// <summary>Its address.</summary>
    public Uri Root { get; private set; } = new("http://127.0.0.1/");

    /// <summary>The folder of its data.</summary>
    protected string Folder { get; private set; } = "";

    protected string Program => package!.Program;

    /// <summary>Makes sure that its programs are there.</summary>
    /// <exception cref="ComparisonException">They cannot be had.</exception>
    public Task FetchAsync(CancellationToken stop) => package?.UnpackAsync(stop) ?? Task.CompletedTask;

    /// <summary>Starts it and returns when it takes samples.</summary>
    /// <param name="folder">For its data: an existing folder, empty.</param>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="ComparisonException">It takes none.</exception>
    public async Task StartAsync(string folder, CancellationToken stop)
    {
        Folder = folder;
        Root = Contenders.FreeAddress();
        await StartAsync(stop);
    }

    /// <summary>Ends all that was started.</summary>
    public virtual async Task StopAsync()
    {
        foreach (var process in _processes)
        {
            await process.DisposeAsync();
        }

        _processes.Clear();
    }

    /// <summary>Sends it a body.</summary>
    /// <exception cref="ComparisonException">It was not taken.</exception>
    public async Task SendAsync(ProtocolBody protocol, byte[] body, CancellationToken stop)
    {
        try
        {
            await protocol.SendAsync(Http, Root, body, stop);
        }
        catch (Exception e) when (e is ComparisonException or HttpRequestException)
        {
            throw new ComparisonException($"{Name} did not take a request: {e.Message}");
        }
    }

    /// <summary>How many samples are stored.</summary>
    public abstract Task<long> CountAsync(CancellationToken stop);

    /// <summary>What it has taken so far.</summary>
    public Usage Read(bool withMemory = false) => ProcessTree.Read(_processes[^1], _processes, withMemory);

    /// <summary>Returns when it has done all that it does with the samples that it has.</summary>
    /// <exception cref="ComparisonException">It does not come to rest.</exception>
    public async Task RestAsync(CancellationToken stop)
    {
        var waited = Stopwatch.StartNew();
        var before = (Read().ProcessorTime, waited.Elapsed);
        for (var calm = 0; calm < CalmSeconds;)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), stop);
            var isMerging = await IsMergingAsync(stop);
            var now = (Read().ProcessorTime, waited.Elapsed);
            calm = !isMerging && (now.ProcessorTime - before.ProcessorTime) / (now.Elapsed - before.Elapsed) < CalmCores ? calm + 1 : 0;
            before = now;
            if (waited.Elapsed > RestTimeout)
            {
                throw new ComparisonException($"{Name} is still at work {RestTimeout.TotalMinutes:0} minutes after the load.");
            }
        }
    }

    /// <summary>Has it lay its data on disk as they stay.</summary>
    public virtual Task SettleAsync(CancellationToken stop) => RestAsync(stop);

    /// <summary>Bytes that its samples take on disk.</summary>
    public virtual Task<long> SizeAsync(CancellationToken stop) => SizeAsync(Folder, stop);

    /// <summary>Starts its processes, the one that answers last.</summary>
    protected abstract Task StartAsync(CancellationToken stop);

    /// <summary>Whether it works on what it has stored, where it tells.</summary>
    protected virtual Task<bool> IsMergingAsync(CancellationToken stop) => Task.FromResult(false);

    /// <summary>Takes charge of a process, and waits for it where it has something to wait for.</summary>
    /// <param name="process">The process.</param>
    /// <param name="isReadyAsync">Whether it can be used; what it throws for as long as it cannot is told when it never can.</param>
    /// <param name="stop">Gives up.</param>
    protected async Task AddAsync(ChildProcess process, Func<Task> isReadyAsync, CancellationToken stop)
    {
        _processes.Add(process);
        var reason = "";
        for (var waited = Stopwatch.StartNew(); !process.HasExited && waited.Elapsed < StartTimeout; await Task.Delay(50, stop))
        {
            try
            {
                await isReadyAsync();
                return;
            }
            catch (Exception e) when (e is HttpRequestException or System.Data.Common.DbException)
            {
                reason = e.Message;
            }
        }

        throw new ComparisonException($"{Name} did not start: {process.Output}{reason}");
    }

    /// <summary>Starts a program of the package that answers at a path when it can be used.</summary>
    protected Task AddAsync(string readyPath, CancellationToken stop, params string[] arguments) =>
        AddAsync(ChildProcess.Start(new ProcessStartInfo(Program, arguments)), () => GetAsync(readyPath, stop), stop);

    protected Task<string> GetAsync(string path, CancellationToken stop) => Http.GetStringAsync(new Uri(Root, path), stop);

    protected async Task<string> PostAsync(string path, CancellationToken stop)
    {
        using var response = await Http.PostAsync(new Uri(Root, path), null, stop);
        return await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync(stop);
    }

    /// <summary>Asks a query API like that of Prometheus for all samples of all times.</summary>
    protected async Task<long> CountWithPromQlAsync(string series, CancellationToken stop)
    {
        // VictoriaMetrics otherwise leaves out the last half minute.
        var query = Uri.EscapeDataString($"sum(count_over_time({{__name__=\"{series}\"}}[1d]))");
        var answer = await GetAsync($"/api/v1/query?query={query}&time={DateTimeOffset.UtcNow.AddMinutes(1).ToUnixTimeSeconds()}&nocache=1", stop);
        using var json = JsonDocument.Parse(answer);
        var result = json.RootElement.GetProperty("data").GetProperty("result");
        return result.GetArrayLength() == 0 ? 0 : (long)double.Parse(result[0].GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture);
    }

    protected static async Task<long> SizeAsync(string folder, CancellationToken stop) =>
        long.Parse((await Command.RunAsync(["du", "--summarize", "--block-size=1", folder], stop)).Split('\t')[0], CultureInfo.InvariantCulture);
}
