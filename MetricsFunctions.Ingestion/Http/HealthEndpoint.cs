using MetricsFunctions.Ingestion.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>Says whether the service runs, and whether samples could be stored now.</summary>
/// <param name="store">Asked for readiness.</param>
/// <param name="writer">Knows what became of the last INSERT.</param>
/// <param name="time">The clock.</param>
/// <param name="lifetime">Tells when the service is going down.</param>
sealed class HealthEndpoint(ISampleStore store, SampleWriter writer, TimeProvider time, IHostApplicationLifetime lifetime)
{
    static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(2);
    static readonly TimeSpan ProbeLifetime = TimeSpan.FromSeconds(1);

    readonly Lock _gate = new();
    Task<StorageFault?> _probe = Task.FromResult<StorageFault?>(null);
    long _probedAt = long.MinValue;

    /// <summary>Serves <c>GET /api/health/live</c>: 200 while the process answers at all.</summary>
    /// <param name="context">The request; its response is written here.</param>
    public static Task LiveAsync(HttpContext context) => AnswerAsync(context, () => Task.FromResult<StorageFault?>(null));

    /// <summary>
    /// Serves <c>GET /api/health/ready</c>: 200 while ClickHouse can be written to, otherwise 503 with the reason. An INSERT that failed is one for
    /// ten seconds, unless another one is stored.
    /// </summary>
    /// <param name="context">The request; its response is written here.</param>
    public Task ReadyAsync(HttpContext context) => AnswerAsync(context, CheckAsync);

    /// <summary>Answers why samples could not be stored now; <see langword="null"/> when they could.</summary>
    public Task<StorageFault?> CheckAsync()
    {
        // A full disk or a view that fails does not show in the probe, which stores nothing.
        var known = lifetime.ApplicationStopping.IsCancellationRequested ? StorageFault.Stopping : writer.RecentFault;
        return known is null ? ProbeAsync() : Task.FromResult<StorageFault?>(known);
    }

    /// <summary>Answers <see langword="null"/> for a request with the method of a probe.</summary>
    public static Problem? CheckMethod(HttpRequest request) => Problem.UnlessMethod(request, HttpMethods.Get, HttpMethods.Head);

    static async Task AnswerAsync(HttpContext context, Func<Task<StorageFault?>> check)
    {
        if (CheckMethod(context.Request) is { } problem)
        {
            await problem.WriteAsync(context.Response);
        }
        else if (await check() is { } fault)
        {
            await Problem.NotReady(fault).WriteAsync(context.Response);
        }
        else
        {
            context.Response.Protect();
            await context.Response.WriteAsJsonAsync(new { status = "ok" }, context.RequestAborted);
        }
    }

    // One probe at a time and one answer a second, however many ask.
    Task<StorageFault?> ProbeAsync()
    {
        lock (_gate)
        {
            if (_probe.IsCompleted && (_probedAt == long.MinValue || time.GetElapsedTime(_probedAt) > ProbeLifetime))
            {
                _probedAt = time.GetTimestamp();
                _probe = Task.Run(AskStoreAsync);
            }

            return _probe;
        }
    }

    async Task<StorageFault?> AskStoreAsync()
    {
        using var timeout = new CancellationTokenSource(ProbeTimeout, time);
        try
        {
            await store.ProbeAsync(timeout.Token);
            return null;
        }
        catch (Exception e)
        {
            return StorageFault.Of(e);
        }
    }
}
