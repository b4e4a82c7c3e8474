using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using ClickHouse.Driver;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Tests.EmbeddedClickHouse;

namespace MetricsFunctions.Tests.Grafana;

/// <summary>A ClickHouse with the files of <c>clickhouse/config.d</c> and <c>users.d</c>, as docker-compose.yml sets it up.</summary>
public class ComposedClickHouse : IAsyncLifetime
{
    const string IngestPassword = "of ingest";
    const string GrafanaPassword = "of grafana";
    readonly TemporaryFolder _configuration = ServerConfiguration.Copy();
    readonly TemporaryFolder _data = new();
    readonly HttpClient _http = new();

    public ClickHouseServer Server { get; private set; } = null!;

    public virtual async ValueTask InitializeAsync()
    {
        Environment.SetEnvironmentVariable("CLICKHOUSE_INGEST_PASSWORD", IngestPassword);
        Environment.SetEnvironmentVariable("CLICKHOUSE_GRAFANA_PASSWORD", GrafanaPassword);
        foreach (var folder in new[] { "config.d", "users.d" })
        {
            Directory.CreateDirectory(Path.Combine(_configuration.Path, folder));
            foreach (var file in Directory.GetFiles(Path.Combine(Repository.Root, "clickhouse", folder)))
            {
                File.Copy(file, Path.Combine(_configuration.Path, folder, Path.GetFileName(file)));
            }
        }

        Server = await ClickHouseServer.StartAsync(new ClickHouseServerOptions
        {
            DataPath = _data.Path,
            ConfigurationPath = _configuration.Path,
        });
        using var client = new ClickHouseClient(Server.ConnectionString);
        await Schema.ApplyAsync(client);
        // Makes the tables of the logs.
        await AsAdministratorAsync("SYSTEM FLUSH LOGS");
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Server.DisposeAsync();
        _data.Dispose();
        _configuration.Dispose();
        GC.SuppressFinalize(this);
    }

    public string IngestConnectionString => $"Host=127.0.0.1;Port={Server.HttpPort};Username=ingest;Password={IngestPassword}";

    public async Task<string> AsAdministratorAsync(string sql) => await ReadAsync(await PostAsync(Admin.User, Server.AdminPassword, sql));

    public Task<HttpResponseMessage> AsIngestAsync(string sql) => PostAsync("ingest", IngestPassword, sql);

    public Task<HttpResponseMessage> AsGrafanaAsync(string sql, string settings = "") => PostAsync("grafana", GrafanaPassword, sql, settings);

    /// <summary>Runs a query as the plugin does, its time limit included.</summary>
    public async Task<(string Name, string Type)[]> ColumnsAsync(string sql, List<JsonArray> rows)
    {
        using var response = await AsGrafanaAsync(sql, "&max_execution_time=30&default_format=JSONCompact&output_format_json_quote_64bit_integers=0");
        var result = JsonNode.Parse(await ReadAsync(response))!;
        rows.AddRange(result["data"]!.AsArray().Select(row => row!.AsArray()));
        return [.. result["meta"]!.AsArray().Select(column => (column!["name"]!.GetValue<string>(), column["type"]!.GetValue<string>()))];
    }

    async Task<HttpResponseMessage> PostAsync(string user, string password, string sql, string settings = "")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"http://127.0.0.1:{Server.HttpPort}/?{settings.TrimStart('&')}"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));
        request.Content = new StringContent(sql);
        return await _http.SendAsync(request);
    }

    static async Task<string> ReadAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, text);
        return text.TrimEnd('\n');
    }
}
