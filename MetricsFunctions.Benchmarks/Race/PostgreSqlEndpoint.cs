using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Npgsql;
using NpgsqlTypes;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>
/// What one would write first to keep samples in PostgreSQL: a line of JSON a sample, one with an INSERT and several with a COPY, committed
/// before the answer.
/// </summary>
static class PostgreSqlEndpoint
{
    /// <summary>The first argument that makes this program be the endpoint; the second says where the database is.</summary>
    public const string Command = "postgresql";

    public const string Path = "/api/metrics";

    public const string Table = """
        CREATE TABLE samples (metric_name text NOT NULL, metric_value double precision NOT NULL, "timestamp" timestamptz NOT NULL, tags jsonb NOT NULL);
        CREATE INDEX ON samples USING brin ("timestamp")
        """;

    public static async Task RunAsync(string connection, string[] args)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        await using var database = NpgsqlDataSource.Create(connection);
        await using var app = builder.Build();
        app.MapGet(Path, () => "ok");
        app.MapPost(Path, context => StoreAsync(database, context.Request, context.RequestAborted));
        await app.RunAsync();
    }

    static async Task StoreAsync(NpgsqlDataSource database, HttpRequest request, CancellationToken cancel)
    {
        var samples = new List<Sample>();
        await foreach (var sample in JsonSerializer.DeserializeAsyncEnumerable<Sample>(request.Body, topLevelValues: true, JsonSerializerOptions.Web, cancel))
        {
            samples.Add(sample!);
        }

        await (samples is [var only] ? InsertAsync(database, only, cancel) : CopyAsync(database, samples, cancel));
    }

    static async Task InsertAsync(NpgsqlDataSource database, Sample sample, CancellationToken cancel)
    {
        await using var insert = database.CreateCommand("INSERT INTO samples VALUES ($1, $2, $3, $4)");
        insert.Parameters.Add(new NpgsqlParameter<string> { TypedValue = sample.Name });
        insert.Parameters.Add(new NpgsqlParameter<double> { TypedValue = sample.Value });
        insert.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = sample.Time });
        insert.Parameters.Add(new NpgsqlParameter<string> { TypedValue = sample.Tags.GetRawText(), NpgsqlDbType = NpgsqlDbType.Jsonb });
        await insert.ExecuteNonQueryAsync(cancel);
    }

    static async Task CopyAsync(NpgsqlDataSource database, List<Sample> samples, CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var copy = await connection.BeginBinaryImportAsync("COPY samples FROM STDIN (FORMAT BINARY)", cancel);
        foreach (var sample in samples)
        {
            await copy.StartRowAsync(cancel);
            await copy.WriteAsync(sample.Name, cancel);
            await copy.WriteAsync(sample.Value, cancel);
            await copy.WriteAsync(sample.Time, NpgsqlDbType.TimestampTz, cancel);
            await copy.WriteAsync(sample.Tags.GetRawText(), NpgsqlDbType.Jsonb, cancel);
        }

        await copy.CompleteAsync(cancel);
    }

    sealed record Sample(
        [property: JsonPropertyName("metric_name")] string Name,
        [property: JsonPropertyName("metric_value")] double Value,
        [property: JsonPropertyName("timestamp")] long UnixMilliseconds,
        [property: JsonPropertyName("tags")] JsonElement Tags)
    {
        [JsonIgnore]
        public DateTime Time => DateTimeOffset.FromUnixTimeMilliseconds(UnixMilliseconds).UtcDateTime;
    }
}
