using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace MetricsFunctions.Tests.Clients;

/// <summary>What Prometheus scrapes.</summary>
sealed class ScrapeTarget : IAsyncDisposable
{
    readonly WebApplication _app;

    ScrapeTarget(WebApplication app) => _app = app;

    public int Port => new Uri(_app.Urls.Single()).Port;

    /// <summary>Starts it.</summary>
    /// <param name="answer">Answers a scrape.</param>
    public static async Task<ScrapeTarget> StartAsync(RequestDelegate answer)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRoutingCore();
        var target = new ScrapeTarget(builder.Build());
        target._app.Map("/metrics", answer);
        await target._app.StartAsync();
        return target;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
