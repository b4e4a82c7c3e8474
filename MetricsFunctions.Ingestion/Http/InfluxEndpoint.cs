using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>Answers what InfluxDB's clients ask before they write, so that they go on to write.</summary>
/// <param name="health">Tells whether samples could be stored now.</param>
/// <param name="apiKeys">Who may ask for databases and buckets.</param>
/// <param name="drain">Takes in what is left of a refused request.</param>
sealed partial class InfluxEndpoint(HealthEndpoint health, ApiKeys apiKeys, BodyDrain drain)
{
    // The release that took both versions of writes. Clients only look whether there is one.
    const string Version = "1.8";

    // The database, bucket and organization of those who name none. Samples know none of these, so every name that is asked for is there.
    const string DefaultName = "metrics";

    // Clients take them for granted and send them back, and need not tell one from another.
    const string OrgId = "0000000000000001";
    const string BucketId = "0000000000000002";

    // A statement is short, and a sender without end is told so.
    const int MaxBodyBytes = 4 * 1024;

    static readonly FormOptions ShortForm = new()
    {
        ValueCountLimit = 16,
        ValueLengthLimit = MaxBodyBytes,
        MultipartBodyLengthLimit = MaxBodyBytes,
    };

    // What a database of InfluxDB 1 has from the start: it keeps everything, in shards of a week.
    static readonly object RetentionPolicies = new
    {
        columns = new[] { "name", "duration", "shardGroupDuration", "replicaN", "default" },
        values = new[] { new object[] { "autogen", "0s", "168h0m0s", 1, true } },
    };

    /// <summary>Serves <c>GET /ping</c>: 204 while the process answers at all, or 200 with the version for <c>?verbose=true</c>.</summary>
    /// <param name="context">The request; its response is written here.</param>
    public static async Task PingAsync(HttpContext context)
    {
        if (HealthEndpoint.CheckMethod(context.Request) is { } problem)
        {
            await Protocol.Influx1.WriteProblemAsync(context.Response, problem);
            return;
        }

        context.Response.Protect();
        context.Response.Headers["X-Influxdb-Version"] = Version;
        context.Response.Headers["X-Influxdb-Build"] = "OSS";
        if (context.Request.Query["verbose"].ToString() is "" or "0" or "false")
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        await context.Response.WriteAsJsonAsync(new { version = Version }, context.RequestAborted);
    }

    /// <summary>Serves <c>GET /health</c>: 200 while ClickHouse can be written to, otherwise 503 with the reason.</summary>
    /// <param name="context">The request; its response is written here.</param>
    public Task HealthAsync(HttpContext context) => TellReadinessAsync(context, problem => new
    {
        name = "influxdb",
        message = problem?.Detail ?? "ready for writes",
        status = problem is null ? "pass" : "fail",
        checks = Array.Empty<object>(),
        version = Version,
    });

    /// <summary>Serves <c>GET /ready</c>: 200 while ClickHouse can be written to, otherwise 503 with the reason.</summary>
    /// <param name="context">The request; its response is written here.</param>
    public Task ReadyAsync(HttpContext context) => TellReadinessAsync(context, problem => new
    {
        status = problem is null ? "ready" : "unavailable",
        message = problem?.Detail,
    });

    /// <summary>
    /// Serves <c>/query</c>: says of databases and retention policies that they are there or are created now, which agents ask before they
    /// write, and that nothing else is answered.
    /// </summary>
    /// <param name="context">The request; its response is written here.</param>
    public Task QueryAsync(HttpContext context) => AnswerAsync(context, Protocol.Influx1, QueryAsync, HttpMethods.Get, HttpMethods.Post);

    /// <summary>Serves <c>GET /api/v2/orgs</c>: the organization that is asked for is there.</summary>
    /// <param name="context">The request; its response is written here.</param>
    public Task OrgsAsync(HttpContext context) => AnswerAsync(
        context,
        Protocol.Influx2,
        request => Task.FromResult<object>(new { orgs = new[] { new { id = OrgId, name = NameOrDefault(request.Query["org"]) } } }),
        HttpMethods.Get);

    /// <summary>Serves <c>/api/v2/buckets</c>: the bucket that is asked for is there, and any other is created.</summary>
    /// <param name="context">The request; its response is written here.</param>
    public Task BucketsAsync(HttpContext context) => AnswerAsync(context, Protocol.Influx2, BucketsAsync, HttpMethods.Get, HttpMethods.Post);

    // Answers a request with a key, in the form of the version that it speaks, with what it gets or with a Problem.
    async Task AnswerAsync(HttpContext context, Protocol protocol, Func<HttpRequest, Task<object>> ask, params string[] methods)
    {
        var answer = apiKeys.Check(context.Request, protocol.TakesKeyInQuery, out _) ?? Problem.UnlessMethod(context.Request, methods) ?? await ask(context.Request);
        if (answer is Problem problem)
        {
            await drain.DrainAsync(context.Request);
            await protocol.WriteProblemAsync(context.Response, problem);
            return;
        }

        context.Response.Protect();
        await context.Response.WriteAsJsonAsync(answer, context.RequestAborted);
    }

    async Task TellReadinessAsync<T>(HttpContext context, Func<Problem?, T> answer)
    {
        if (HealthEndpoint.CheckMethod(context.Request) is { } noProbe)
        {
            await Protocol.Influx2.WriteProblemAsync(context.Response, noProbe);
            return;
        }

        var problem = await health.CheckAsync() is { } fault ? Problem.NotReady(fault) : null;
        context.Response.Protect();
        problem?.WriteHead(context.Response);
        await context.Response.WriteAsJsonAsync(answer(problem), context.RequestAborted);
    }

    static async Task<object> QueryAsync(HttpRequest request)
    {
        string? query = request.Query["q"];
        string? database = request.Query["db"];
        try
        {
            if (query is null && request.HasFormContentType)
            {
                BodyDrain.BeforeRead(request);
                var form = await request.ReadFormAsync(ShortForm, request.HttpContext.RequestAborted);
                query = form["q"];
                database ??= form["db"];
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return Invalid("The form could not be read: it is malformed, cut off, or too long for a statement.");
        }

        var statements = (query ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var results = statements.Select((statement, index) => ResultOf(statement, index, NameOrDefault(database))).ToArray();
        return results is [] || results.Contains(null)
            ? Invalid("Only statements that show or create databases and retention policies are answered here. Query ClickHouse instead.")
            : new { results };
    }

    // Null for a statement that is not answered.
    static object? ResultOf(string statement, int index, string database)
    {
        if (Create().IsMatch(statement))
        {
            return new { statement_id = index };
        }

        object? series = ShowDatabases().IsMatch(statement) ? new { name = "databases", columns = new[] { "name" }, values = new[] { new[] { database } } }
            : ShowRetentionPolicies().IsMatch(statement) ? RetentionPolicies
            : null;
        return series is null ? null : new { statement_id = index, series = new[] { series } };
    }

    static async Task<object> BucketsAsync(HttpRequest request)
    {
        if (HttpMethods.IsGet(request.Method))
        {
            return new { buckets = new[] { Bucket(NameOrDefault(request.Query["name"])) } };
        }

        try
        {
            BodyDrain.BeforeRead(request);
            var body = new byte[MaxBodyBytes];
            var length = await request.Body.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, request.HttpContext.RequestAborted);
            if (JsonSerializer.Deserialize<NewBucket>(body.AsSpan(0, length), JsonSerializerOptions.Web)?.Name is not { Length: > 0 } name)
            {
                return Invalid("A bucket has a name. Send it as the property name.");
            }

            request.HttpContext.Response.StatusCode = StatusCodes.Status201Created;
            return Bucket(name);
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            return Invalid("The bucket could not be read: it is malformed, cut off, or too long for a name.");
        }
    }

    // Without rules, it keeps everything.
    static object Bucket(string name) => new { id = BucketId, orgID = OrgId, type = "user", name, retentionRules = Array.Empty<object>() };

    static string NameOrDefault(string? name) => string.IsNullOrEmpty(name) ? DefaultName : name;

    static Problem Invalid(string detail) => new(StatusCodes.Status400BadRequest, detail);

    sealed record NewBucket(string? Name);

    [GeneratedRegex(@"^(CREATE\s+DATABASE|(CREATE|ALTER)\s+RETENTION\s+POLICY)\s", RegexOptions.IgnoreCase)]
    private static partial Regex Create();

    [GeneratedRegex(@"^SHOW\s+DATABASES$", RegexOptions.IgnoreCase)]
    private static partial Regex ShowDatabases();

    [GeneratedRegex(@"^SHOW\s+RETENTION\s+POLICIES(\s+ON\s.*)?$", RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex ShowRetentionPolicies();
}
