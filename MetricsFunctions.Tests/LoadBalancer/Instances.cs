using System.Net;
using ClickHouse.Driver;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Tests.Standalone;

namespace MetricsFunctions.Tests.LoadBalancer;

/// <summary>Several instances of the service on one ClickHouse, each of which can be replaced.</summary>
sealed class Instances : IAsyncDisposable
{
    readonly TemporaryFolder _data = new();
    readonly HttpClient _http = new();
    readonly ClickHouseServer _clickHouse;
    readonly StandaloneProcess?[] _processes;

    Instances(ClickHouseServer clickHouse, TemporaryFolder data, int count)
    {
        _clickHouse = clickHouse;
        _data = data;
        _processes = new StandaloneProcess[count];
        Addresses = [.. _processes.Select(_ => new IPEndPoint(IPAddress.Loopback, Ports.Free()))];
    }

    /// <summary>Where they listen, also after a restart.</summary>
    public IReadOnlyList<IPEndPoint> Addresses { get; }

    public static async Task<Instances> StartAsync(int count)
    {
        var data = new TemporaryFolder();
        var instances = new Instances(await ClickHouseServer.StartAsync(new ClickHouseServerOptions { DataPath = data.Path }), data, count);
        try
        {
            using var client = new ClickHouseClient(instances._clickHouse.ConnectionString);
            await Schema.ApplyAsync(client);
            await Task.WhenAll(Enumerable.Range(0, count).Select(instances.StartOneAsync));
            return instances;
        }
        catch
        {
            await instances.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends an instance with SIGTERM, and starts it again when it has ended by itself.</summary>
    public async Task RestartAsync(int number)
    {
        Assert.Equal(0, await _processes[number]!.TerminateAsync());
        await StartOneAsync(number);
    }

    /// <summary>Ends an instance as a crash would, and starts it again.</summary>
    public async Task KillAndRestartAsync(int number)
    {
        await _processes[number]!.KillAsync();
        await StartOneAsync(number);
    }

    public Task<string> QueryAsync(string sql) => ClickHouseSql.QueryAsync(_clickHouse, sql);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            process?.Dispose();
        }

        await _clickHouse.DisposeAsync();
        _data.Dispose();
        _http.Dispose();
    }

    async Task StartOneAsync(int number)
    {
        _processes[number]?.Dispose();
        _processes[number] = StandaloneProcess.Start(
            ("Urls", $"http://{Addresses[number]}"),
            ("Ingestion__AllowAnonymous", "true"),
            ("Ingestion__WriteTimeout", "00:00:30"),
            ("ConnectionStrings__ClickHouse", _clickHouse.ConnectionString));
        await _processes[number]!.StartedAsync();
        await Wait.UntilAsync(async () =>
        {
            using var response = await _http.GetAsync(new Uri($"http://{Addresses[number]}/api/health/ready"));
            return response.IsSuccessStatusCode;
        });
    }
}
