using MetricsFunctions.Ingestion.Http;
using Microsoft.Extensions.Hosting;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Connects to ClickHouse while the host is still starting, so that the first request need not.</summary>
/// <param name="health">Asks ClickHouse, and keeps what went wrong for whoever asks for readiness.</param>
sealed class WarmUp(HealthEndpoint health) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _ = health.CheckAsync();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
