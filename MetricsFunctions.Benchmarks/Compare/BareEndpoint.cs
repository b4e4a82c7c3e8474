using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>The ceiling: Kestrel as Standalone has it, with an endpoint that parses the body and drops it.</summary>
static class BareEndpoint
{
    /// <summary>The first argument that makes this program be the endpoint.</summary>
    public const string Command = "bare";

    static readonly byte[] Ok = """{"message":"ok"}"""u8.ToArray();

    public static async Task RunAsync(string[] args)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        await using var app = builder.Build();
        app.MapPost("/api/metrics", HandleAsync);
        await app.RunAsync();
    }

    static async Task HandleAsync(HttpContext context)
    {
        var body = context.Request.BodyReader;
        var read = await body.ReadAsync(context.RequestAborted);
        while (!read.IsCompleted)
        {
            body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            read = await body.ReadAsync(context.RequestAborted);
        }

        Parse(read.Buffer);
        body.AdvanceTo(read.Buffer.End);

        context.Response.ContentType = "application/json";
        context.Response.ContentLength = Ok.Length;
        await context.Response.Body.WriteAsync(Ok, context.RequestAborted);
    }

    static void Parse(ReadOnlySequence<byte> body)
    {
        var json = new Utf8JsonReader(body);
        while (json.Read())
        {
        }
    }
}
