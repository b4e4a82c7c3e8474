using MetricsFunctions.Ingestion;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Standalone;

/// <summary>How long the host waits for the requests in hand before it cuts their connections.</summary>
static class Shutdown
{
    static readonly TimeSpan Reserve = TimeSpan.FromSeconds(5);

    /// <summary>
    /// As long as the slowest of them may take. Then every request that was read is answered, and a load balancer may send one that was not
    /// answered to another instance without storing it twice.
    /// </summary>
    public static void WaitForRequests(IServiceProvider services)
    {
        var ingestion = services.GetRequiredService<IOptions<IngestionOptions>>().Value;
        var host = services.GetRequiredService<IOptions<HostOptions>>().Value;
        var longest = ingestion.BodyTimeout + ingestion.WriteTimeout + Reserve;
        if (host.ShutdownTimeout < longest)
        {
            host.ShutdownTimeout = longest;
        }
    }
}
