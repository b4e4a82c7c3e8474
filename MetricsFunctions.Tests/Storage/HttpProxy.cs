using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace MetricsFunctions.Tests.Storage;

/// <summary>A proxy in front of a ClickHouse that can answer in its place.</summary>
sealed class HttpProxy : IAsyncDisposable
{
    readonly HttpClient _http;
    readonly WebApplication _app;

    HttpProxy(int target)
    {
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{target}") };
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddLogging();
        _app = builder.Build();
        _app.Run(AnswerAsync);
    }

    public int Port => new Uri(_app.Urls.Single()).Port;

    /// <summary>What it answers by itself; 0: what ClickHouse does.</summary>
    public int Status { get; set; }

    /// <summary>Whether ClickHouse gets the request also when the proxy answers by itself.</summary>
    public bool PassesOn { get; set; } = true;

    /// <summary>How many requests it has answered by itself.</summary>
    public int Answered { get; private set; }

    /// <summary>Starts it on a free port.</summary>
    /// <param name="target">The port on 127.0.0.1 that it passes requests on to.</param>
    public static async Task<HttpProxy> StartAsync(int target)
    {
        var proxy = new HttpProxy(target);
        await proxy._app.StartAsync();
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _http.Dispose();
    }

    async Task AnswerAsync(HttpContext context)
    {
        var status = Status;
        if (status != 0 && !PassesOn)
        {
            await AnswerAsync(context, status);
            return;
        }

        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), $"{context.Request.Path}{context.Request.QueryString}")
        {
            Content = new StreamContent(context.Request.Body),
        };
        request.Headers.TryAddWithoutValidation("Authorization", (string?)context.Request.Headers.Authorization);
        request.Content.Headers.TryAddWithoutValidation("Content-Encoding", (string?)context.Request.Headers.ContentEncoding);
        using var response = await _http.SendAsync(request);
        if (status != 0)
        {
            await AnswerAsync(context, status);
            return;
        }

        context.Response.StatusCode = (int)response.StatusCode;
        foreach (var header in response.Headers.Where(header => header.Key.StartsWith("X-", StringComparison.Ordinal)))
        {
            context.Response.Headers[header.Key] = header.Value.Single();
        }

        await response.Content.CopyToAsync(context.Response.Body);
    }

    // A page with numbers in it, as they have.
    async Task AnswerAsync(HttpContext context, int status)
    {
        Answered++;
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/html";
        await context.Response.WriteAsync($"<html><body><h1>{status} {(HttpStatusCode)status}</h1><hr>proxy/1.22.1</body></html>");
    }
}
