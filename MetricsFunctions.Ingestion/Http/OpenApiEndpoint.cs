using System.Reflection;
using Microsoft.AspNetCore.Http;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>Answers with the description of all endpoints, <c>openapi.json</c> beside this file.</summary>
static class OpenApiEndpoint
{
    static readonly byte[] Document = Read();

    /// <summary>Serves <c>GET /api/openapi.json</c>.</summary>
    /// <param name="context">The request; its response is written here.</param>
    public static async Task HandleAsync(HttpContext context)
    {
        if (HealthEndpoint.CheckMethod(context.Request) is { } problem)
        {
            await problem.WriteAsync(context.Response);
            return;
        }

        context.Response.Protect();
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = Document.Length;
        if (HttpMethods.IsGet(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(Document, context.RequestAborted);
        }
    }

    static byte[] Read()
    {
        using var resource = Assembly.GetExecutingAssembly().GetManifestResourceStream("openapi.json")!;
        var document = new byte[resource.Length];
        resource.ReadExactly(document);
        return document;
    }
}
