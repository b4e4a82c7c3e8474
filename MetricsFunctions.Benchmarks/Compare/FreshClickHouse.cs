using ClickHouse.Driver;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion.Storage;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>A ClickHouse with the service's tables in a new folder, which ends with it.</summary>
sealed class FreshClickHouse : IAsyncDisposable
{
    readonly DirectoryInfo _data;

    FreshClickHouse(DirectoryInfo data, ClickHouseServer server)
    {
        _data = data;
        Server = server;
        Client = new ClickHouseClient(server.ConnectionString);
    }

    public ClickHouseServer Server { get; }

    public ClickHouseClient Client { get; }

    /// <summary>Starts it.</summary>
    /// <param name="parent">An existing folder to make its folder in.</param>
    /// <param name="stop">Gives up.</param>
    public static async Task<FreshClickHouse> StartAsync(string parent, CancellationToken stop)
    {
        var data = Directory.CreateDirectory(Path.Combine(parent, $"metrics-functions-{Environment.ProcessId}"));
        ClickHouseServer? server = null;
        try
        {
            server = await ClickHouseServer.StartAsync(new ClickHouseServerOptions { DataPath = data.FullName }, stop);
            var fresh = new FreshClickHouse(data, server);
            await Schema.ApplyAsync(fresh.Client, stop);
            return fresh;
        }
        catch
        {
            if (server is not null)
            {
                await server.DisposeAsync();
            }

            data.Delete(recursive: true);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        _data.Delete(recursive: true);
    }
}
