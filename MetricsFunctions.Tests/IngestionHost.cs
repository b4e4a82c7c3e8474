using System.Text;
using ClickHouse.Driver;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion;
using MetricsFunctions.Ingestion.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace MetricsFunctions.Tests;

/// <summary>The endpoints on a real web server in this process, with a real ClickHouse of their own.</summary>
public class IngestionHost : IAsyncLifetime
{
    readonly TemporaryFolder _data = new();
    readonly FakeLogCollector _log = new();
    WebApplication? _app;

    public ClickHouseServer ClickHouse { get; private set; } = null!;

    public HttpClient Http { get; } = new();

    /// <summary>What the endpoints are made of.</summary>
    public IServiceProvider Services => _app!.Services;

    /// <summary>Settings beyond the connection string, such as <c>Ingestion:MaxBodyBytes</c>.</summary>
    protected virtual Dictionary<string, string?> Settings { get; } = new() { ["Ingestion:AllowAnonymous"] = "true" };

    /// <summary>The paths that are mapped, but for the one that takes all others.</summary>
    public IEnumerable<string> Paths => ((IEndpointRouteBuilder)_app!).DataSources
        .SelectMany(source => source.Endpoints)
        .OfType<RouteEndpoint>()
        .Select(endpoint => endpoint.RoutePattern.RawText!)
        .Where(path => !path.Contains('*', StringComparison.Ordinal));

    public virtual async ValueTask InitializeAsync()
    {
        ClickHouse = await ClickHouseServer.StartAsync(new ClickHouseServerOptions { DataPath = _data.Path, HttpPort = Ports.Free(), TcpPort = Ports.Free() });

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.AddServerHeader = false).UseUrls("http://127.0.0.1:0");
        builder.Services.AddRoutingCore().AddLogging(logging => logging.SetMinimumLevel(LogLevel.Error).AddProvider(new FakeLoggerProvider(_log)));
        builder.Services.AddIngestion();
        Configure(builder.Services);

        // The turns of large bodies are the process's: this host's wait behind those of all tests that run now.
        builder.Configuration["Ingestion:WriteTimeout"] = "00:01:00";
        foreach (var (setting, value) in Settings)
        {
            builder.Configuration[setting] = value;
        }

        builder.Configuration["ConnectionStrings:ClickHouse"] = ClickHouse.ConnectionString;
        _app = builder.Build();
        _app.MapIngestion();
        Map(_app);
        await Schema.ApplyAsync(_app.Services.GetRequiredService<IClickHouseClient>());
        await _app.StartAsync();
        Http.BaseAddress = new Uri(_app.Urls.Single());
    }

    /// <summary>Puts something else in place of what the endpoints are made of.</summary>
    protected virtual void Configure(IServiceCollection services)
    {
    }

    /// <summary>Adds paths to those of the endpoints.</summary>
    protected virtual void Map(WebApplication app)
    {
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }

        await ClickHouse.DisposeAsync();
        _data.Dispose();
        GC.SuppressFinalize(this);
        Assert.Empty(ErrorLog.UnexpectedOf(_log));
    }

    /// <summary>Posts a body as JSON to <c>/api/metrics</c>.</summary>
    public Task<HttpResponseMessage> PostAsync(string json) =>
        Http.PostAsync(new Uri("/api/metrics", UriKind.Relative), new StringContent(json, Encoding.UTF8, "application/json"));

    /// <summary>Runs SQL over ClickHouse's HTTP interface and answers the result without its last line break.</summary>
    public Task<string> QueryAsync(string sql) => ClickHouseSql.QueryAsync(ClickHouse, sql);
}

static class ClickHouseSql
{
    static readonly HttpClient Http = new();

    /// <summary>Runs SQL as the user who may everything.</summary>
    public static Task<string> QueryAsync(ClickHouseServer server, string sql) => PostAsync(server.HttpPort, $"?user={Admin.User}&password={server.AdminPassword}", sql);

    /// <summary>Runs SQL as the user who has no password, and may only read.</summary>
    public static Task<string> QueryAsync(int httpPort, string sql) => PostAsync(httpPort, "", sql);

    static async Task<string> PostAsync(int httpPort, string account, string sql)
    {
        using var response = await Http.PostAsync(new Uri($"http://127.0.0.1:{httpPort}/{account}"), new StringContent(sql));
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, text);
        return text.TrimEnd('\n');
    }
}

sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("metrics-functions-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
