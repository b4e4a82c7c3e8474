using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>Answers what InfluxDB's clients ask before they write, so that they go on to write.</summary>
/// <param name="health">Tells whether samples could be stored now.</param>
/// <param name="apiKeys">Who may ask for a database.</param>
public sealed partial class InfluxEndpoint(HealthEndpoint health, ApiKeys apiKeys)
{
    // The release that took both versions of writes. Clients only look whether there is one.
    const string Version = "1.8";

    // A statement is short, and a sender without end is told so.
    static readonly FormOptions ShortForm = new()
    {
        ValueCountLimit = 16,
        ValueLengthLimit = 64 * 1024,
        MultipartBodyLengthLimit = 64 * 1024,
    };

    /// <summary>Serves <c>GET /ping</c>: 204 while the process answers at all.</summary>
    /// <param name="context">The request; its response is written here.</param>
    public static Task PingAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (HealthEndpoint.CheckMethod(context.Request) is { } problem)
        {
            return Protocol.Influx1.WriteProblemAsync(context.Response, problem);
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
        context.Response.Protect();
        context.Response.Headers["X-Influxdb-Version"] = Version;
        context.Response.Headers["X-Influxdb-Build"] = "OSS";
        return Task.CompletedTask;
    }

    /// <summary>Serves <c>GET /health</c>: 200 while ClickHouse can be written to, otherwise 503 with the reason.</summary>
    /// <param name="context">The request; its response is written here.</param>
    public Task HealthAsync(HttpContext context) => AnswerAsync(context, problem => new
    {
        name = "influxdb",
        message = problem?.Detail ?? "ready for writes",
        status = problem is null ? "pass" : "fail",
        checks = Array.Empty<object>(),
        version = Version,
    });

    /// <summary>Serves <c>GET /ready</c>: 200 while ClickHouse can be written to, otherwise 503 with the reason.</summary>
    /// <param name="context">The request; its response is written here.</param>
    public Task ReadyAsync(HttpContext context) => AnswerAsync(context, problem => new
    {
        status = problem is null ? "ready" : "unavailable",
        message = problem?.Detail,
    });

    /// <summary>Serves <c>/query</c>: says of a database that it is created, which agents ask for, and that nothing else is answered.</summary>
    /// <param name="context">The request; its response is written here.</param>
    public async Task QueryAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if ((apiKeys.Check(context.Request, Protocol.Influx1.TakesKeyInQuery, out _) ?? await CheckAsync(context.Request)) is { } problem)
        {
            await BodyDrain.DrainAsync(context.Request);
            await Protocol.Influx1.WriteProblemAsync(context.Response, problem);
            return;
        }

        context.Response.Protect();
        await context.Response.WriteAsJsonAsync(new { results = new[] { new { statement_id = 0 } } }, context.RequestAborted);
    }

    async Task AnswerAsync<T>(HttpContext context, Func<Problem?, T> answer)
    {
        ArgumentNullException.ThrowIfNull(context);
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

    static async Task<Problem?> CheckAsync(HttpRequest request)
    {
        if (Problem.UnlessMethod(request, HttpMethods.Get, HttpMethods.Post) is { } problem)
        {
            return problem;
        }

        try
        {
            string? query = request.Query["q"];
            if (query is null && request.HasFormContentType)
            {
                BodyDrain.LiftServerLimit(request);
                query = (await request.ReadFormAsync(ShortForm, request.HttpContext.RequestAborted))["q"];
            }

            return query is not null && CreateDatabase().IsMatch(query)
                ? null
                : new Problem(StatusCodes.Status400BadRequest, "Only CREATE DATABASE is answered here, and needs nothing to be done. Query ClickHouse instead.");
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return new Problem(StatusCodes.Status400BadRequest, "The form could not be read: it is malformed, cut off, or too long for a statement.");
        }
    }

    [GeneratedRegex(@"^\s*CREATE\s+DATABASE\s", RegexOptions.IgnoreCase)]
    private static partial Regex CreateDatabase();
}
